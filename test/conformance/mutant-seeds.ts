import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Evidence } from "@provost/shared/provenance/format.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import type { Trust } from "@provost/shared/provenance/trust.ts";
import { firstSubject } from "./first-subject.ts";
import { evidenceAt, provenance, subjectOf } from "./vectors.ts";

/** A document that holds, with its artefact where that is published too. */
export interface Seed {
  readonly name: string;
  readonly evidence: Evidence;
  readonly subject: Subject;
  readonly artefact?: Uint8Array;
  /** The document is the file it is about. */
  readonly embedded?: boolean;
  /** Where it is not the public-good instance's. */
  readonly trust?: Trust;
  /** What the document means, for forms with bytes that mean nothing. A JSON document means its value. */
  meaning?(bytes: Uint8Array): Promise<string>;
}

/** One of each kind: bundle versions, log entry kinds, timestamps, npm with keys, PEP 740 both ways. */
export function mutantSeeds(): readonly Seed[] {
  const npm = "slsa-verifier/testdata/npm/gha/";
  const gh = "gh-cli/pkg/cmd/attestation/test/data/";
  const pypi = "pypi-attestations/test/assets/";
  return [
    alone("sigstore-js/tests/bundles/bundleV01-dsse-no-proof.sigstore"),
    alone("sigstore-js/tests/bundles/bundleV01-full-cert-chain.sigstore"),
    alone("sigstore-js/tests/bundles/bundleV02-intoto.sigstore"),
    alone("sigstore-js/tests/bundles/bundleV03-dsse.sigstore"),
    withArtefact("slsa-verifier/testdata/bcr/MODULE.bazel.intoto.jsonl", "slsa-verifier/testdata/bcr/MODULE.bazel"),
    withArtefact(
      `slsa-verifier/testdata/gha_maven/v2.1.0/binary-linux-amd64-push-v14.build.slsa`,
      `slsa-verifier/testdata/gha_maven/v2.1.0/binary-linux-amd64-push-v14`,
    ),
    withArtefact(`${npm}gundam-visor-cli-v1-tag.tgz.json`, `${npm}gundam-visor-cli-v1-tag.tgz`),
    withArtefact(`${npm}supreme-googles-cli-v02-tag.tgz.json`, `${npm}supreme-googles-cli-v02-tag.tgz`),
    withArtefact(`${gh}custom-issuer.sigstore.json`, `${gh}custom-issuer-artifact`),
    withArtefact(`${pypi}pypi_attestations-0.0.19.tar.gz.slsa.attestation`, `${pypi}pypi_attestations-0.0.19.tar.gz`),
    withArtefact(`${pypi}pypi_attestations-0.0.19.tar.gz.provenance`, `${pypi}pypi_attestations-0.0.19.tar.gz`),
  ];
}

function alone(path: string): Seed {
  return { name: basename(path), evidence: evidenceAt(provenance(path)), subject: firstSubject(provenance(path)) };
}

function withArtefact(path: string, artefactPath: string): Seed {
  const artefact = readFileSync(provenance(artefactPath));
  const name = basename(artefactPath);
  const named = /\.(?:whl|tar\.gz)$/.test(name) ? { name } : {};
  return {
    name: basename(path),
    evidence: evidenceAt(provenance(path)),
    subject: subjectOf(artefact, named),
    artefact,
  };
}
