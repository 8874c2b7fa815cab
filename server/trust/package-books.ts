import type { Sha256 } from "@provost/shared/model/ids.ts";
import { originsOf, type BuildOrigin } from "@provost/shared/provenance/build-origin.ts";
import type { Store } from "../store/store.ts";
import type { PackageBooks } from "./package-history.ts";

/** Formats that say where a version was built and by whom. The registry's own signature says only that it handed it out. */
const attesting = { npm: "npm-attestations", pypi: "pep740" } as const;
const mostDocuments = 100;

/** What was read of so many documents is remembered: each answer about one version asks about all of them. */
const mostRemembered = 10_000;

export function packageBooks({
  pulls,
  library,
  inventory,
}: Pick<Store, "pulls" | "library" | "inventory">): PackageBooks {
  const read = new Map<Sha256, readonly BuildOrigin[]>();
  const originsIn = (sha256: Sha256): readonly BuildOrigin[] => {
    const known = read.get(sha256);
    if (known !== undefined) return known;
    const document = library.document(sha256);
    const origins = document === undefined ? [] : originsOf({ ...document, sha256 });
    if (read.size >= mostRemembered) read.clear();
    read.set(sha256, origins);
    return origins;
  };
  return {
    answeredVersions: (ecosystem, name) => pulls.answeredVersions(ecosystem, name),
    attestedOrigins(ecosystem, purl) {
      const { rows } = library.byPurl(purl, { limit: mostDocuments });
      const attestations = rows.filter(({ kind }) => kind === attesting[ecosystem]);
      return attestations.length === 0 ? undefined : attestations.flatMap(({ sha256 }) => originsIn(sha256));
    },
    installsOf: (ecosystem, name, version) => inventory.installsOf(ecosystem, name, version),
  };
}
