import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { parseStrictJson } from "@provost/shared/lib/strict-json.ts";
import { EnvelopeDocument } from "@provost/shared/provenance/intoto/envelope.ts";
import { readDescriptor } from "@provost/shared/provenance/intoto/descriptor.ts";
import { statementOf } from "@provost/shared/provenance/intoto/statement.ts";
import { guarded } from "@provost/shared/provenance/refusal.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import { readOne } from "@provost/shared/provenance/verify.ts";
import { firstSubject } from "./first-subject.ts";
import {
  evidenceAt,
  now,
  provenance,
  publicTrust,
  setResult,
  subjectAt,
  type CaseResult,
  type SetResult,
} from "./vectors.ts";

/** Whether one document, alone, holds for one file under the public-good root. */
async function holds(path: string, subject: Subject): Promise<string> {
  const reading = await readOne(evidenceAt(path), { subject, criteria: {}, trust: publicTrust(), now });
  return reading.kind === "claims" ? "accept" : `${reading.kind}: ${reading.why}`;
}

const outcome = (id: string, got: string, accept: boolean): CaseResult => ({
  id,
  asExpected: (got === "accept") === accept,
  got,
});
const filesIn = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);

/** Every wheel and sdist with every document beside it. Sigstore's staging instance signed two projects: not accepted here. */
export async function pypiAttestations(): Promise<SetResult> {
  const folder = provenance("pypi-attestations", "test", "assets");
  const names = filesIn(folder);
  const results: CaseResult[] = [];
  for (const file of names.filter((name) => /\.(?:whl|tar\.gz)$/.test(name)))
    for (const document of names.filter((name) => name.startsWith(`${file}.`))) {
      const got = await holds(`${folder}/${document}`, subjectAt(`${folder}/${file}`, { name: file }));
      results.push(outcome(document, got, !/^(?:rfc8785|spt3g)-/.test(file)));
    }
  return setResult("pypi-attestations", results);
}

/** The file's name says what is wrong with it; the question is about the package the valid one is about. */
export async function npmPacote(): Promise<SetResult> {
  const folder = provenance("npm-pacote", "test", "fixtures", "sigstore");
  const subject = firstSubject(`${folder}/valid-attestations.json`);
  const results: CaseResult[] = [];
  for (const name of filesIn(folder))
    results.push(outcome(name, await holds(`${folder}/${name}`, subject), name.startsWith("valid-")));
  return setResult("npm-pacote", results);
}

export async function sigstoreJs(): Promise<SetResult> {
  const folder = provenance("sigstore-js", "tests", "bundles");
  const results: CaseResult[] = [];
  for (const name of filesIn(folder))
    results.push(outcome(name, await holds(`${folder}/${name}`, firstSubject(`${folder}/${name}`)), true));
  return setResult("sigstore-js", results);
}

/** Bundles with the artefact they are about, and each bundle against an artefact it is not about. */
export async function ghCli(): Promise<SetResult> {
  const folder = provenance("gh-cli", "pkg", "cmd", "attestation", "test", "data");
  const pairs: readonly (readonly [string, string, boolean])[] = [
    ["sigstore-js-2.1.0-bundle.json", "sigstore-js-2.1.0.tgz", true],
    ["sigstore-js-2.1.0-bundle-v0.1.json", "sigstore-js-2.1.0.tgz", true],
    ["sigstore-js-2.1.0_with_2_bundles.jsonl", "sigstore-js-2.1.0.tgz", true],
    ["reusable-workflow-attestation.sigstore.json", "reusable-workflow-artifact", true],
    ["custom-issuer.sigstore.json", "custom-issuer-artifact", true],
    [
      "github_provenance_demo-0.0.12-py3-none-any-bundle.jsonl",
      "github_provenance_demo-0.0.12-py3-none-any.whl",
      false,
    ],
    [
      "github_provenance_demo-0.0.12-py3-none-any-bundle-missing-cert.jsonl",
      "github_provenance_demo-0.0.12-py3-none-any.whl",
      false,
    ],
    [
      "github_provenance_demo-0.0.12-py3-none-any-bundle-missing-verification-material.jsonl",
      "github_provenance_demo-0.0.12-py3-none-any.whl",
      false,
    ],
    ["sigstoreBundle-invalid-signature.json", "sigstore-js-2.1.0.tgz", false],
  ];
  const results: CaseResult[] = [];
  for (const [bundle, artefact, accept] of pairs) {
    if (!existsSync(`${folder}/${bundle}`)) continue;
    results.push(outcome(bundle, await holds(`${folder}/${bundle}`, subjectAt(`${folder}/${artefact}`)), accept));
    const other = artefact === "custom-issuer-artifact" ? "reusable-workflow-artifact" : "custom-issuer-artifact";
    results.push(
      outcome(`${bundle} for ${other}`, await holds(`${folder}/${bundle}`, subjectAt(`${folder}/${other}`)), false),
    );
  }
  return setResult("gh-cli", results);
}

/** Examples of the specification: statements, resource descriptors, and one envelope whose values are placeholders. */
export async function inTotoExamples(): Promise<SetResult> {
  const folder = provenance("in-toto-attestation");
  const names = filesIn(folder).filter((name) => name.endsWith(".json"));
  const results = names.map((name) => outcome(basename(name), parses(`${folder}/${name}`), true));
  return Promise.resolve(setResult("in-toto-attestation", results));
}

function parses(path: string): string {
  const read = parseStrictJson(readFileSync(path));
  if (!read.ok) return read.why;
  const keys = new Set(Object.keys(read.value as object));
  return guarded(
    () => {
      if (keys.has("_type")) statementOf(read.value);
      else if (keys.has("payloadType")) EnvelopeDocument.parse(read.value);
      else readDescriptor(read.value);
      return "accept";
    },
    (refusal) => refusal.message,
  );
}
