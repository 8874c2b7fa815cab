import * as z from "zod";
import { parse } from "yaml";
import { instant, type Instant, type Purl, type Sha256 } from "../model/ids.ts";
import { bases, provenBases, refutedBases, signedBases, uncheckedBases, unprovenBases } from "../model/verdict.ts";
import type { Standing, Verdict } from "../model/verdict.ts";
import { asRefusal } from "../provenance/refusal.ts";
import { decide, type Decision } from "./decide.ts";
import { actions, maxPolicyLength, type Policy } from "./policy.ts";
import type { Situation } from "./situation.ts";

/** One thing an owner wants to be sure of: in this situation the policy decides so. */
export interface PolicyCase {
  readonly name: string;
  readonly situation: Situation;
  readonly at: Instant | undefined;
  readonly expected: Expected;
}

/** What is left out is not compared. */
export type Expected = Partial<Pick<Decision, "action" | "would" | "cause" | "rule">>;

export interface CaseResult {
  readonly name: string;
  readonly expected: Expected;
  readonly got: Decision;
  readonly agrees: boolean;
}

export type CasesReading =
  | { readonly ok: true; readonly cases: readonly PolicyCase[] }
  | { readonly ok: false; readonly why: string };

export function testCase({ name, situation, at, expected }: PolicyCase, policy: Policy, now: Instant): CaseResult {
  const got = decide(situation, policy, at ?? now);
  const agrees = Object.entries(expected).every(([part, wanted]) => got[part as keyof Expected] === wanted);
  return { name, expected, got, agrees };
}

/** A list of cases, in YAML or JSON: refused whole when one of them is malformed, so that a test that says nothing cannot pass. */
export function readCases(yaml: string): CasesReading {
  if (yaml.length > maxPolicyLength) return refused(`it is longer than ${maxPolicyLength} characters`);
  try {
    const parsed = Document.safeParse(parse(yaml, { maxAliasCount: 0, uniqueKeys: true, schema: "core" }));
    if (parsed.success) return { ok: true, cases: parsed.data.cases.map(caseOf) };
    const [first] = parsed.error.issues;
    return refused([first?.path.join("."), first?.message ?? "it is malformed"].filter(Boolean).join(": "));
  } catch (cause) {
    return refused(asRefusal(cause).message);
  }
}

const refused = (why: string): CasesReading => ({ ok: false, why });

export const maxCases = 10_000;

const text = z.string().min(1).max(4096);
const time = z.iso.datetime({ offset: true }).transform((value) => Date.parse(value));
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const VerdictDocument = z.string().transform((short, context) => {
  const verdict = verdictOf(short);
  if (verdict !== undefined) return verdict;
  const message = `wanted a standing or a basis, such as "signed", "proven level 3" or "unproven recorded"; got "${short.slice(0, 100)}"`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});
const ExpectedDocument = z.union([
  z.enum(actions).transform((action) => ({ action })),
  z
    .strictObject({
      action: z.enum(actions).optional(),
      would: z.enum(actions).optional(),
      cause: z.enum(["allowed", "refuted", "exception", "requirement", "expectation", "fault"]).optional(),
      rule: text.optional(),
    })
    .refine((expected) => Object.keys(expected).length > 0, "a case that expects nothing cannot fail"),
]);
const BuiltDocument = z.strictObject({
  ref: text.optional(),
  branch: text.optional(),
  tag: text.optional(),
  commit: text.optional(),
  owner: text.optional(),
  workflow: text.optional(),
  buildType: text.optional(),
  runner: z.enum(["hosted", "self-hosted"]).optional(),
  inputs: z.record(text, z.string().max(4096)).optional(),
  issuer: text.optional(),
  logEntries: z.int().nonnegative().optional(),
  times: z.int().nonnegative().optional(),
  verifier: text.optional(),
  verifiedLevels: z.array(text).max(64).optional(),
});
const CaseDocument = z.strictObject({
  name: text,
  verdict: VerdictDocument,
  path: text,
  sha256: digest.default("0".repeat(64)),
  package: text.optional(),
  source: text.optional(),
  builder: text.optional(),
  signer: text.optional(),
  built: BuiltDocument.optional(),
  user: text.optional(),
  privileged: z.boolean().default(false),
  listening: z.boolean().default(false),
  device: text.default("dev_00000000000000000000000000"),
  groups: z.array(text).max(64).default([]),
  history: z
    .strictObject({
      releasedAt: time.optional(),
      seenOnDevices: z.int().nonnegative().optional(),
      bestStanding: z.enum(["proven", "signed", "unproven"]).optional(),
      bestLevel: z.int().min(1).max(3).optional(),
      lastSource: text.optional(),
    })
    .optional(),
  at: time.optional(),
  expect: ExpectedDocument,
});
const Document = z.strictObject({ cases: z.array(CaseDocument).min(1).max(maxCases) });

/** "signed", "unproven recorded", "proven level 3", "proven source level 2". */
function verdictOf(short: string): Verdict | undefined {
  const found = /^(\w+)(?: ([a-z-]+))??(?: level ([123]))?$/.exec(short);
  const [, standing, basis, level] = found ?? [];
  const says = "A case of a test";
  const common = { says, chain: [] };
  const known = basis === undefined || bases.some((one) => one === basis) ? basis : "";
  if (level !== undefined && standing !== "proven") return undefined;
  switch (standing as Standing | undefined) {
    case "proven": {
      const own = pick(provenBases, known ?? "source");
      if (own === undefined) return undefined;
      const slsaLevel = level === undefined ? undefined : ([1, 2, 3] as const).find((one) => String(one) === level);
      return { standing: "proven", basis: own, ...common, ...(slsaLevel === undefined ? {} : { slsaLevel }) };
    }
    case "signed": {
      const own = pick(signedBases, known ?? "publisher");
      return own === undefined ? undefined : { standing: "signed", basis: own, ...common };
    }
    case "unproven": {
      const own = pick(unprovenBases, known ?? "none");
      return own === undefined ? undefined : { standing: "unproven", basis: own, ...common };
    }
    case "refuted": {
      const own = pick(refutedBases, known ?? "contradicted");
      return own === undefined ? undefined : { standing: "refuted", basis: own, ...common };
    }
    case "unchecked": {
      const own = pick(uncheckedBases, known ?? "unreachable");
      return own === undefined
        ? undefined
        : { standing: "unchecked", basis: own, wanted: "what is missing", ...common };
    }
    case undefined:
    default:
      return undefined;
  }
}

const pick = <T extends string>(from: readonly T[], name: string): T | undefined => from.find((one) => one === name);

function caseOf({
  name,
  verdict,
  device,
  groups,
  history,
  at,
  expect,
  path,
  sha256,
  privileged,
  listening,
  ...said
}: z.infer<typeof CaseDocument>): PolicyCase {
  const { package: purl, source, builder, signer, built, user } = said;
  return {
    name,
    at: at === undefined ? undefined : instant(at),
    expected: defined(expect),
    situation: {
      verdict,
      device: { id: device, groups },
      file: {
        path,
        sha256: sha256 as Sha256,
        privileged,
        listening,
        ...(purl === undefined ? {} : { package: purl as Purl }),
        ...defined({ source, builder, signer, user }),
        ...(built === undefined ? {} : { built: defined(built) }),
      },
      ...(history === undefined ? {} : { history: historyOf(history) }),
    },
  };
}

function historyOf({
  releasedAt,
  ...rest
}: NonNullable<z.infer<typeof CaseDocument>["history"]>): NonNullable<Situation["history"]> {
  return { ...defined(rest), ...(releasedAt === undefined ? {} : { releasedAt: instant(releasedAt) }) };
}

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Defined<T>;
}
