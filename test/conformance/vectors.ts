import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { instant, sha256, type Sha256 } from "@provost/shared/model/ids.ts";
import type { Evidence } from "@provost/shared/provenance/format.ts";
import { npmKeys } from "@provost/shared/provenance/npm-keys.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import { readTrust, type Trust, type TrustDocument } from "@provost/shared/provenance/trust.ts";

/** Where other projects' published data lies; never copied into the repository. */
export const vectorsRoot =
  process.env["PROVOST_VECTORS"] ?? join(import.meta.dirname, "..", "..", "..", "shared", "vectors");
export const provenance = (...path: readonly string[]): string => join(vectorsRoot, "provenance", ...path);
export const sbomVectors = (...path: readonly string[]): string => join(vectorsRoot, "sbom", ...path);
export const haveVectors = (): boolean => existsSync(provenance("EXPECTED.json"));

/** One set of outside cases, and those that did not come out as their publisher says. */
export interface SetResult {
  readonly name: string;
  readonly total: number;
  readonly asExpected: number;
  readonly unexpected: readonly string[];
  /** How many of them, by format and by what was changed. */
  readonly counts?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Cases that are not tried, by name: their inputs are missing, or nothing of the kind is read here. */
  readonly leftOut?: readonly string[];
}

export interface CaseResult {
  readonly id: string;
  readonly asExpected: boolean;
  /** What came out, for a person. */
  readonly got: string;
}

export function setResult(name: string, cases: readonly CaseResult[]): SetResult {
  const unexpected = cases.filter(({ asExpected }) => !asExpected).map(({ id, got }) => `${id}: ${got}`);
  return { name, total: cases.length, asExpected: cases.length - unexpected.length, unexpected };
}

export const json = (path: string): unknown => JSON.parse(readFileSync(path, "utf8")) as unknown;

export function evidenceAt(path: string): Evidence {
  return evidenceOf(readFileSync(path), basename(path));
}

export const evidenceOf = (bytes: Uint8Array, name: string): Evidence => ({ bytes, sha256: digest(bytes), name });

export function subjectAt(path: string, more: Partial<Subject> = {}): Subject {
  return subjectOf(readFileSync(path), more);
}

export function subjectOf(bytes: Uint8Array, more: Partial<Subject> = {}): Subject {
  const sha512 = createHash("sha512").update(bytes).digest("hex");
  return { sha256: digest(bytes), sha512, ...more };
}

function digest(bytes: Uint8Array): Sha256 {
  const hex = sha256(createHash("sha256").update(bytes).digest("hex"));
  if (hex === undefined) throw new Error("a SHA-256 has 64 digits");
  return hex;
}

/** Trust in the public-good Sigstore instance and the npm registry, and whatever a set adds. */
export function publicTrust(more: Partial<TrustDocument> = {}): Trust {
  const read = readTrust({
    version: "vectors",
    sigstore: [json(provenance("trust", "trusted_root.public-good.json"))],
    keys: npmKeys(json(provenance("trust", "npm-registry-keys.json"))),
    ...more,
  });
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}

export const now = instant(Date.now());
