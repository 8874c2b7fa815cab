import type { Evidence } from "./format.ts";
import { formats } from "./formats/index.ts";
import { guarded } from "./refusal.ts";
import type { Said } from "./said.ts";
import { certificateSigner } from "./sigstore/signer.ts";
import { gitReference } from "./slsa/git-reference.ts";
import { isProvenance, readProvenance } from "./slsa/provenance.ts";
import { parseCertificate } from "./x509/certificate.ts";

/** Where a document says that something was built, and by whom. Nothing of it is verified. */
export interface BuildOrigin {
  /** "github.com/owner/name" */
  readonly repository: string;
  /** The host's numbers of the repository and of its owner: a new name does not change the first. */
  readonly repositoryId?: string;
  readonly ownerId?: string;
  readonly builder?: string;
  /** Who vouched for the identity of the build: the CI system. */
  readonly issuer?: string;
  readonly workflow?: string;
}

/** One for each signed part that names a repository; none where the document cannot be read. */
export function originsOf(document: Evidence): readonly BuildOrigin[] {
  const format = formats.find((one) => one.recognises(document));
  return guarded(
    () => (format?.about?.(document) ?? []).flatMap((said) => originOf(said) ?? []),
    () => [],
  );
}

function originOf({ statement, certificate }: Said): BuildOrigin | undefined {
  const provenance =
    statement !== undefined && isProvenance(statement.predicateType)
      ? orNothing(() => readProvenance(statement))
      : undefined;
  const signer =
    certificate === undefined ? undefined : orNothing(() => certificateSigner(parseCertificate(certificate), ""));
  const { sourceRepository, sourceRepositoryId, sourceOwnerId } = signer?.workload ?? {};
  // What the authority wrote down comes before what the build says of itself.
  const repository =
    sourceRepository === undefined ? provenance?.source.repository : gitReference(sourceRepository).repository;
  if (repository === undefined) return undefined;
  return {
    repository,
    ...(sourceRepositoryId === undefined ? {} : { repositoryId: sourceRepositoryId }),
    ...(sourceOwnerId === undefined ? {} : { ownerId: sourceOwnerId }),
    ...(provenance === undefined ? {} : { builder: provenance.builderId }),
    ...(signer === undefined || signer.issuer === "" ? {} : { issuer: signer.issuer }),
    ...(signer === undefined ? {} : { workflow: signer.identity }),
  };
}

const orNothing = <T>(read: () => T): T | undefined => guarded<T | undefined>(read, () => undefined);
