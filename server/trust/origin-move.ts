import type { BuildOrigin } from "@provost/shared/provenance/build-origin.ts";

/** How the place where a version was built differs from that of the version before. */
export interface Move {
  /** `renamed` and `transferred`: the host says that it is the same repository, under another name or with another owner. */
  readonly kind: "repository" | "builder" | "transferred" | "renamed";
  /** The end of a sentence about the newer version. */
  readonly says: (before: string) => string;
  readonly facts: Readonly<Record<string, string>>;
}

/**
 * What the newer version's attestations name that those of the older one do not. Every place of the newer version has to be known:
 * who adds a document that names the old place hides nothing. Where either names none, nothing is said.
 */
export function moveBetween(before: readonly BuildOrigin[], now: readonly BuildOrigin[]): Move | undefined {
  if (before.length === 0) return undefined;
  const moves = now.flatMap((origin) => {
    const from = nearest(before, origin);
    return from === undefined ? [] : (moveOf(from, origin) ?? []);
  });
  return moves.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))[0];
}

const order: readonly Move["kind"][] = ["repository", "builder", "transferred", "renamed"];

/** The older place that is most alike. */
function nearest(before: readonly BuildOrigin[], origin: BuildOrigin): BuildOrigin | undefined {
  const alike = (one: BuildOrigin): number =>
    (isSameRepository(one, origin) ? 4 : 0) +
    (one.repository === origin.repository ? 2 : 0) +
    (isSameBuilder(one, origin) ? 1 : 0);
  return before.toSorted((a, b) => alike(b) - alike(a))[0];
}

function moveOf(before: BuildOrigin, now: BuildOrigin): Move | undefined {
  const facts = { ...factsOf("before", before), ...factsOf("now", now) };
  if (!isSameRepository(before, now)) {
    const says = (version: string): string =>
      before.repository === now.repository
        ? `is attested from ${now.repository}, which is another repository of the same name than the one that ${version} came from.`
        : `is attested from ${now.repository}; ${version}, the attested version before it here, came from ${before.repository}.`;
    return { kind: "repository", says, facts };
  }
  if (!isSameBuilder(before, now)) {
    const [was, is] = [builderOf(before), builderOf(now)];
    return {
      kind: "builder",
      says: (version) => `was built by ${is}; ${version}, the attested version before it here, by ${was}.`,
      facts,
    };
  }
  if (before.repository === now.repository) return undefined;
  const isTransferred = before.ownerId !== undefined && now.ownerId !== undefined && before.ownerId !== now.ownerId;
  return {
    kind: isTransferred ? "transferred" : "renamed",
    says: (version) =>
      `is attested from ${now.repository}; ${version} came from ${before.repository}, which its host says is the same repository ${isTransferred ? "with another owner" : "under another name"}.`,
    facts,
  };
}

/** By the host's number where both say it and one authority vouched for both; a name can be given away and taken again. */
const isSameRepository = (a: BuildOrigin, b: BuildOrigin): boolean =>
  a.repositoryId !== undefined && b.repositoryId !== undefined && a.issuer === b.issuer
    ? a.repositoryId === b.repositoryId
    : a.repository === b.repository;

/** What one of them does not say is no difference. */
function isSameBuilder(a: BuildOrigin, b: BuildOrigin): boolean {
  if (a.issuer !== undefined && b.issuer !== undefined && a.issuer !== b.issuer) return false;
  if (a.builder === undefined || b.builder === undefined) return true;
  const [one, other] = [plainBuilder(a), plainBuilder(b)];
  // GitHub's runner became "github-hosted" or "self-hosted" below its old name.
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}

/** Without its version, the number of one runner (GitLab), and the repository's own name, which is compared by itself. */
const plainBuilder = ({ builder = "", repository }: BuildOrigin): string =>
  builder
    .replace(/@[^@/]*(?:\/[^@]*)?$/, "")
    .replace(/\/-\/runners\/\d+$/, "/-/runners")
    .replace(repository, "REPOSITORY");

const builderOf = ({ builder, issuer }: BuildOrigin): string => [builder, issuer].filter(Boolean).join(" of ");

const factsOf = (when: string, { repository, builder, workflow }: BuildOrigin): Record<string, string> => ({
  [`repository ${when}`]: repository,
  ...(builder === undefined ? {} : { [`builder ${when}`]: builder }),
  ...(workflow === undefined ? {} : { [`workflow ${when}`]: workflow }),
});
