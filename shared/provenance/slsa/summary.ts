import * as z from "zod";
import type { Claim } from "../../model/verdict.ts";
import { isSigner, unexpected } from "../criteria.ts";
import type { Statement } from "../intoto/statement.ts";
import { unreadable } from "../refusal.ts";
import type { Signer } from "../sigstore/signer.ts";
import type { Trust } from "../trust.ts";

/** SLSA verification summary attestation, v1. */
export interface VerificationSummary {
  readonly verifier: string;
  readonly resourceUri: string;
  readonly result: string;
  readonly levels: readonly string[];
  readonly timeVerified?: string;
  readonly subjects: Statement["subjects"];
}

/** What the consumer of a summary has to know in advance (slsa.dev/spec/v1.0/verification_summary, "How to verify"). */
export interface SummaryExpectation {
  /** "sha256:...", "gce_image_id:..." : each has to be a subject. */
  readonly subjectDigests: readonly string[];
  readonly verifier: string;
  readonly resourceUri: string;
  /** Each has to be listed, or, for a SLSA track, be implied by a higher level. */
  readonly levels: readonly string[];
}

export const isSummary = ({ predicateType }: Statement): boolean =>
  predicateType === "https://slsa.dev/verification_summary/v1";

export function readSummary(statement: Statement): VerificationSummary {
  const parsed = Predicate.safeParse(statement.predicate);
  if (!isSummary(statement) || !parsed.success) throw unreadable("the verification summary is malformed");
  const { verifier, resourceUri, verificationResult, verifiedLevels, timeVerified } = parsed.data;
  return {
    verifier: verifier.id,
    resourceUri,
    result: verificationResult,
    levels: verifiedLevels ?? [],
    subjects: statement.subjects,
    ...(timeVerified ? { timeVerified } : {}),
  };
}

const text = z.string().max(4096);
const Predicate = z.object({
  verifier: z.object({ id: text.min(1) }),
  resourceUri: text.min(1),
  verificationResult: text,
  verifiedLevels: z.array(text).max(64).nullish(),
  timeVerified: text.nullish(),
});

/**
 * The seven steps: 1 the signature (settled before), 2 the statement's type (parsed before), 3 the subject, 4 the verifier,
 * 5 the resource, 6 the result, 7 the levels.
 */
export function requireSummary(summary: VerificationSummary, expected: SummaryExpectation): void {
  for (const digest of expected.subjectDigests)
    if (
      !summary.subjects.some((one) => Object.entries(one.digest).some(([name, value]) => `${name}:${value}` === digest))
    )
      throw unexpected(`the summary is not about ${digest}`);
  if (summary.verifier !== expected.verifier)
    throw unexpected(`the summary is by ${summary.verifier}, not ${expected.verifier}`);
  if (summary.resourceUri !== expected.resourceUri)
    throw unexpected(`the summary is about ${summary.resourceUri}, not ${expected.resourceUri}`);
  if (summary.result !== "PASSED") throw unexpected(`the summary's result is ${summary.result}`);
  for (const level of expected.levels)
    if (!implies(summary.levels, level)) throw unexpected(`the summary does not list ${level}`);
}

/** A level of a SLSA track contains the lower ones of that track. */
function implies(levels: readonly string[], wanted: string): boolean {
  if (levels.includes(wanted)) return true;
  const [track, number] = slsaLevel(wanted);
  return (
    number !== undefined &&
    levels.map(slsaLevel).some(([other, reached]) => other === track && (reached ?? 0) >= number)
  );
}

function slsaLevel(level: string): readonly [string, number | undefined] {
  const found = /^(SLSA_[A-Z]+_LEVEL_)(\d)$/.exec(level);
  return [found?.[1] ?? level, found?.[2] === undefined ? undefined : Number(found[2])];
}

/** A summary by a verifier the owner names says: somebody I trust has checked the provenance. It names no commit. */
export function summaryLevel(
  statement: Statement,
  signer: Signer,
  trust: Trust,
): Pick<Claim, "strength" | "slsaLevel"> {
  const summary = readSummary(statement);
  if (summary.result !== "PASSED") throw unexpected(`the verification summary's result is ${summary.result}`);
  const known = trust.verifiers.some((rule) => rule.verifier === summary.verifier && isSigner(rule.signer, signer));
  if (!known) return { strength: "claimed" };
  const level = ([3, 2, 1] as const).find((one) => implies(summary.levels, `SLSA_BUILD_LEVEL_${one}`));
  return { strength: "publisher", ...(level === undefined ? {} : { slsaLevel: level }) };
}
