import type { Statement } from "./intoto/statement.ts";
import type { SignedContent } from "./sigstore/read-signature.ts";
import type { Signer } from "./sigstore/signer.ts";
import {
  isProvenance,
  readProvenance,
  type BuildEnvironment,
  type Dependency,
  type SourceMetadata,
} from "./slsa/provenance.ts";

/** What a person has to be able to read of every proven file, whatever format and builder family it came by. */
export interface Components {
  readonly source: SourceMetadata;
  readonly build: BuildEnvironment & { readonly builder?: string; readonly buildType?: string };
  readonly signature: Signer;
  /** When it was signed, and whose word that is. Empty where nothing proves the time. */
  readonly timestamps: SignedContent["times"];
  readonly dependencies: readonly Dependency[];
}

/** For a statement whose signature holds. Where it is no provenance, the certificate still names source and workflow. */
export function componentsOf(signed: Omit<SignedContent, "checks">, statement?: Statement): Components {
  const { signer, times } = signed;
  if (statement === undefined || !isProvenance(statement.predicateType))
    return { ...fromCertificate(signer), signature: signer, timestamps: times, dependencies: [] };
  const { source, build, builderId, buildType, dependencies } = readProvenance(statement);
  const certified = fromCertificate(signer);
  return {
    source: { ...certified.source, ...source },
    build: { ...certified.build, ...build, builder: builderId, buildType },
    signature: signer,
    timestamps: times,
    dependencies,
  };
}

function fromCertificate(signer: Signer): Pick<Components, "source" | "build"> {
  if (signer.kind !== "certificate") return { source: {}, build: { inputs: {} } };
  const { sourceRepository, sourceRef, sourceDigest, buildConfig, runner, trigger, run } = signer.workload;
  return {
    source: {
      ...(sourceRepository === undefined ? {} : { repository: sourceRepository.replace(/^https:\/\//, "") }),
      ...(sourceRef === undefined ? {} : { ref: sourceRef }),
      ...(sourceDigest === undefined ? {} : { commit: sourceDigest }),
    },
    build: {
      inputs: {},
      ...(buildConfig === undefined ? {} : { workflow: buildConfig }),
      ...(runner === undefined ? {} : { runner }),
      ...(trigger === undefined ? {} : { trigger }),
      ...(run === undefined ? {} : { invocation: run }),
    },
  };
}
