import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Evidence } from "@provost/shared/provenance/format.ts";
import { hostedRunners, knownBuilders } from "@provost/shared/provenance/slsa/known-builders.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import type { Trust } from "@provost/shared/provenance/trust.ts";
import { firstSubject } from "./first-subject.ts";
import { forgedSeeds } from "./forged-seeds.ts";
import { formatSeeds } from "./format-seeds.ts";
import { evidenceAt, haveVectors, provenance, publicTrust, subjectOf } from "./vectors.ts";

/** A document that holds under `trust`, with its artefact where there is one. */
export interface Seed {
  /** The id of the format that reads it. */
  readonly format: string;
  readonly name: string;
  readonly evidence: Evidence;
  readonly subject: Subject;
  readonly artefact?: Uint8Array;
  /** The document is itself the file it is about: a signed package. */
  readonly embedded?: boolean;
  readonly trust: Trust;
  /** What the document says, where two spellings of it say the same. JSON needs none: its value is its meaning. */
  readonly meaning?: (document: Uint8Array) => unknown;
}

/** Every seed. A new format adds a function here that returns at least one. */
export async function mutantSeeds(): Promise<readonly Seed[]> {
  return [...(haveVectors() ? publishedSeeds() : []), ...(await forgedSeeds()), ...(await formatSeeds())];
}

/** One of each kind: bundle versions, log entry kinds, timestamps, npm with keys, PEP 740 both ways. */
function publishedSeeds(): readonly Seed[] {
  const trust = publicTrust({ builders: [...knownBuilders, ...hostedRunners] });
  const npm = "slsa-verifier/testdata/npm/gha/";
  const gh = "gh-cli/pkg/cmd/attestation/test/data/";
  const pypi = "pypi-attestations/test/assets/";
  const maven = "slsa-verifier/testdata/gha_maven/v2.1.0/binary-linux-amd64-push-v14";
  const bundle = (path: string, artefact?: string): Seed => published("sigstore-bundle", trust, path, artefact);
  return [
    bundle("sigstore-js/tests/bundles/bundleV01-dsse-no-proof.sigstore"),
    bundle("sigstore-js/tests/bundles/bundleV01-full-cert-chain.sigstore"),
    bundle("sigstore-js/tests/bundles/bundleV02-intoto.sigstore"),
    bundle("sigstore-js/tests/bundles/bundleV03-dsse.sigstore"),
    bundle("slsa-verifier/testdata/bcr/MODULE.bazel.intoto.jsonl", "slsa-verifier/testdata/bcr/MODULE.bazel"),
    bundle(`${maven}.build.slsa`, maven),
    bundle(`${gh}custom-issuer.sigstore.json`, `${gh}custom-issuer-artifact`),
    ...["gundam-visor-cli-v1-tag.tgz", "supreme-googles-cli-v02-tag.tgz"].map((name) =>
      published("npm-attestations", trust, `${npm}${name}.json`, `${npm}${name}`),
    ),
    ...["slsa.attestation", "provenance"].map((kind) =>
      published(
        "pep740",
        trust,
        `${pypi}pypi_attestations-0.0.19.tar.gz.${kind}`,
        `${pypi}pypi_attestations-0.0.19.tar.gz`,
      ),
    ),
  ];
}

function published(format: string, trust: Trust, path: string, artefactPath?: string): Seed {
  const known = { format, trust, name: basename(path), evidence: evidenceAt(provenance(path)) };
  if (artefactPath === undefined) return { ...known, subject: firstSubject(provenance(path)) };
  const artefact = readFileSync(provenance(artefactPath));
  const name = basename(artefactPath);
  const named = /\.(?:whl|tar\.gz)$/.test(name) ? { name } : {};
  return { ...known, subject: subjectOf(artefact, named), artefact };
}
