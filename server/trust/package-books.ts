import type { Store } from "../store/store.ts";
import type { PackageBooks } from "./downgraded.ts";

/** A format that says where a version was built and by whom. The registry's own signature says only that it handed it out. */
const attesting = "npm-attestations";
const mostDocuments = 100;

export const packageBooks = ({
  pulls,
  library,
  inventory,
}: Pick<Store, "pulls" | "library" | "inventory">): PackageBooks => ({
  answeredVersions: (ecosystem, name) => pulls.answeredVersions(ecosystem, name),
  isAttested: (purl) => library.byPurl(purl, { limit: mostDocuments }).rows.some(({ kind }) => kind === attesting),
  installsOf: (ecosystem, name, version) => inventory.installsOf(ecosystem, name, version),
});
