import { dirname } from "node:path";
import { existsSync } from "node:fs";
import * as z from "zod";
import { readOne } from "@provost/shared/provenance/verify.ts";
import type { Reading } from "@provost/shared/provenance/format.ts";
import { readEach } from "@provost/shared/provenance/formats/npm-attestations/npm-attestations.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import {
  evidenceAt,
  json,
  now,
  provenance,
  publicTrust,
  setResult,
  subjectAt,
  type CaseResult,
  type SetResult,
} from "./vectors.ts";
import { firstSubject } from "./first-subject.ts";

const Expect = z.enum(["pass", "fail", "indeterminate"]);
const Case = z.object({
  id: z.string(),
  set: z.string(),
  attestations: z.string().optional(),
  bundle: z.string().optional(),
  pep740: z.string().optional(),
  artifact: z.string().nullish(),
  expect: z.union([Expect, z.object({ publish: Expect, provenance: Expect })]),
});
type Case = z.infer<typeof Case>;

/** EXPECTED.json: documents alone. `pass` means the signature holds and is about the artefact, whoever signed it. */
export async function bundleCases(): Promise<SetResult> {
  const cases = z.array(Case).parse(json(provenance("EXPECTED.json")));
  const results: CaseResult[] = [];
  for (const one of cases) results.push(await run(one));
  return setResult("EXPECTED.json", results);
}

async function run(one: Case): Promise<CaseResult> {
  const path = provenance(one.attestations ?? one.bundle ?? one.pep740 ?? "");
  const question = { subject: subjectFor(one, path), criteria: {}, trust: publicTrust(), now };
  if (typeof one.expect === "object") {
    const read = await readEach(evidenceAt(path), question);
    const got = Object.fromEntries(read.map(({ kind, reading }) => [kind, reading]));
    const [publish, build] = [outcome(got["publish"]), outcome(got["provenance"])];
    const asExpected = meets(one.expect.publish, publish) && meets(one.expect.provenance, build);
    return { id: one.id, asExpected, got: `publish ${publish}, provenance ${build}` };
  }
  const reading = await readOne(evidenceAt(path), question);
  const got = outcome(reading);
  return { id: one.id, asExpected: meets(one.expect, got), got: `${got} ${why(reading)}` };
}

/** Where the publisher gives no artefact, the question is about the first subject of the set's valid document. */
function subjectFor(one: Case, path: string): Subject {
  if (one.artifact) return subjectAt(provenance(one.artifact));
  const beside = path.replace(/(\.(?:publish|slsa))?\.attestation$/, "");
  if (beside !== path && existsSync(beside))
    return subjectAt(beside, { name: beside.slice(dirname(beside).length + 1) });
  const valid =
    one.set === "npm-pacote" ? provenance("npm-pacote/test/fixtures/sigstore/valid-attestations.json") : path;
  return firstSubject(valid);
}

/** A document that must fail may also be too broken to say anything; one that must be left open may not be called forged. */
const meets = (expected: string, got: string): boolean =>
  got === expected || (expected === "fail" && got === "indeterminate");

function outcome(reading: Reading | undefined): string {
  if (reading === undefined) return "absent";
  if (reading.kind === "claims") return "pass";
  return reading.kind === "unchecked" ? "indeterminate" : "fail";
}

export const why = (reading: Reading): string => (reading.kind === "claims" ? "" : reading.why);
