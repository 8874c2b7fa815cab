import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { Criteria } from "@provost/shared/provenance/criteria.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import { readEnvelope } from "@provost/shared/provenance/formats/dsse/dsse.ts";
import { signerOf } from "@provost/shared/provenance/intoto/envelope-signer.ts";
import { statementIn } from "@provost/shared/provenance/intoto/statement.ts";
import { guarded } from "@provost/shared/provenance/refusal.ts";
import { knownBuilders } from "@provost/shared/provenance/slsa/known-builders.ts";
import { readSummary, requireSummary } from "@provost/shared/provenance/slsa/summary.ts";
import { readTrust, type Trust, type TrustDocument } from "@provost/shared/provenance/trust.ts";
import { verify } from "@provost/shared/provenance/verify.ts";
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

const text = z.string().optional();
const Row = z.object({
  test: z.string(),
  name: z.string(),
  artifacts: z.array(z.string()).optional(),
  artifact: text,
  source: text,
  pbranch: text,
  ptag: text,
  pversiontag: text,
  pBuilderID: text,
  builderID: text,
  pkgName: text,
  pkgVersion: text,
  inputs: z.record(z.string(), z.string()).optional(),
  provenancePath: text,
  attestationPath: text,
  publicKeyPath: text,
  publicKeyID: text,
  subjectDigests: z.array(z.string()).optional(),
  verifierID: text,
  resourceURI: text,
  verifiedLevels: z.array(z.string()).optional(),
  err: text,
});
type Row = z.infer<typeof Row>;

const testdata = (...path: readonly string[]): string => provenance("slsa-verifier", "testdata", ...path);

/** CASES.json: policy rows; one case for each folder that holds what the row names. `err` absent means accept. */
export async function slsaVerifier(): Promise<SetResult> {
  const { cases } = z.object({ cases: z.array(Row) }).parse(json(provenance("slsa-verifier", "CASES.json")));
  const results: CaseResult[] = [];
  for (const [at, row] of cases.entries())
    for (const [place, got] of await outcomes(row))
      results.push({
        id: `${at} ${row.name} [${place}]`,
        asExpected: (got === "accept") === (row.err === undefined),
        got: `${got}, published: ${row.err ?? "accept"}`,
      });
  return setResult("slsa-verifier CASES.json", results);
}

async function outcomes(row: Row): Promise<readonly (readonly [string, string])[]> {
  switch (row.test) {
    case "Test_runVerifyGHAArtifactPath":
      return artifactRow(row);
    case "Test_runVerifyNpmPackage":
      return [["npm", await npmRow(row)]];
    case "Test_runVerifyGithubAttestation":
      return [["bcr", await attestationRow(row)]];
    case "Test_runVerifyVSA":
      return [["vsa", summaryRow(row)]];
    default:
      return [[row.test, "a kind of row that is not known"]];
  }
}

const generatorTrust = publicTrust({ builders: knownBuilders });

async function artifactRow(row: Row): Promise<readonly (readonly [string, string])[]> {
  const found: [string, string][] = [];
  for (const builder of ["gha_go", "gha_generic", "gha_maven", "gha_gradle", "gha_container-based", "gha_delegator"])
    for (const version of folders(testdata(builder))) {
      const files = (row.artifacts ?? []).map((name) => testdata(builder, version, name));
      const document =
        row.provenancePath === undefined
          ? provenanceOf(files[0] ?? "")
          : testdata(builder, version, row.provenancePath);
      if (document === undefined || !existsSync(document) || files.some((file) => !existsSync(file))) continue;
      const got: string[] = [];
      for (const file of files) got.push(await judged(subjectAt(file), document, criteriaOf(row), generatorTrust));
      found.push([`${builder}/${version}`, got.find((one) => one !== "accept") ?? "accept"]);
    }
  return found;
}

const folders = (path: string): readonly string[] => (existsSync(path) ? readdirSync(path) : []);

function provenanceOf(file: string): string | undefined {
  return [".intoto.jsonl", ".build.slsa", ".intoto.sigstore", ".sigstore"]
    .map((end) => file + end)
    .find((path) => existsSync(path));
}

function criteriaOf(row: Row): Criteria {
  return given({
    source: row.source,
    branch: row.pbranch,
    tag: row.ptag,
    versionedTag: row.pversiontag,
    builder: row.pBuilderID ?? row.builderID,
    inputs: row.inputs,
    package:
      row.pkgName === undefined && row.pkgVersion === undefined
        ? undefined
        : given({ name: row.pkgName, version: row.pkgVersion }),
  });
}

type Given<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };
function given<T extends object>(value: T): Given<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Given<T>;
}

async function judged(subject: Subject, document: string, criteria: Criteria, trust: Trust): Promise<string> {
  const { verdict } = await verify(subject, [evidenceAt(document)], criteria, trust, now);
  return verdict.standing === "proven" ? "accept" : `${verdict.standing} ${verdict.basis}: ${verdict.says}`;
}

/** The tool whose rows these are trusts a hosted builder only when its user names it, so its table is the row's. */
function namedBuilder(row: Row): Trust {
  const id = row.builderID;
  return publicTrust({ builders: id === undefined ? [] : [...knownBuilders, ...hostedBuilder(id)] });
}

const github = "https://token.actions.githubusercontent.com";
const workflow = String.raw`https://github\.com/[^/@]+/[^/@]+/\.github/workflows/[^@]+@refs/.+`;

function hostedBuilder(id: string): NonNullable<TrustDocument["builders"]> {
  if (id.startsWith("https://github.com/actions/runner"))
    return [
      {
        builder: { exact: id },
        signer: { issuer: github, identity: { pattern: workflow } },
        level: 2,
        runner: "github-hosted",
      },
    ];
  const pattern = `${id.replace(/[.\\+*?^${}()|[\]]/g, String.raw`\$&`)}@refs/tags/v[0-9.]+`;
  return [{ builder: { pattern }, signer: { issuer: github, identity: { pattern } }, level: 3, sameAsSigner: true }];
}

async function npmRow(row: Row): Promise<string> {
  const file = testdata("npm", "gha", row.artifact ?? "");
  return judged(subjectAt(file), `${file}.json`, criteriaOf(row), namedBuilder(row));
}

async function attestationRow(row: Row): Promise<string> {
  const file = testdata("bcr", row.artifact ?? "");
  return judged(subjectAt(file), `${file}.intoto.jsonl`, criteriaOf(row), namedBuilder(row));
}

function summaryRow(row: Row): string {
  return guarded(
    () => {
      const trust = readTrust({
        keys: [
          {
            id: row.publicKeyID,
            pem: readFileSync(testdata("vsa", row.publicKeyPath ?? ""), "utf8"),
            uses: ["envelope"],
          },
        ],
      });
      if (!trust.ok) return trust.why;
      const envelope = readEnvelope(readFileSync(join(testdata("vsa"), row.attestationPath ?? "")));
      signerOf(envelope, trust.trust, now);
      requireSummary(readSummary(statementIn(envelope)), {
        subjectDigests: row.subjectDigests ?? [],
        verifier: row.verifierID ?? "",
        resourceUri: row.resourceURI ?? "",
        levels: row.verifiedLevels ?? [],
      });
      return "accept";
    },
    (refusal) => `${refusal.basis}: ${refusal.message}`,
  );
}
