import * as z from "zod";
import { parse } from "yaml";
import { bases, standings } from "../model/verdict.ts";
import { matches, namePattern, type NameRule } from "../provenance/name-rule.ts";
import { asRefusal } from "../provenance/refusal.ts";
import { readTrust, type TrustDocument } from "../provenance/trust.ts";
import { readCondition, type Condition } from "./condition.ts";

/** The owner's rules: one numbered document. Read once, then only asked. */
export interface Policy {
  readonly number: number;
  readonly mode: "record" | "enforce";
  /** The trust document that the rules were written for, where the policy carries one; readTrust accepts it. */
  readonly trust?: TrustDocument;
  readonly expectations: readonly Expectation[];
  readonly requirements: readonly Requirement[];
  readonly otherwise: Otherwise;
  readonly exceptions: readonly Exception[];
}

export const actions = ["allow", "record", "warn", "hold", "block", "quarantine"] as const;
/** From the mildest to the strongest. */
export type Action = (typeof actions)[number];

/** What is expected of a package whenever it is met. */
export interface Expectation {
  readonly name: string;
  readonly package: NameRule;
  readonly source?: NameRule;
  readonly signer?: NameRule;
  readonly builder?: NameRule;
  /** Of the source: "github.com/owner", and which of its references and commits. */
  readonly owner?: NameRule;
  readonly ref?: NameRule;
  readonly branch?: NameRule;
  readonly tag?: NameRule;
  readonly commit?: NameRule;
  /** Of the build. `inputs`: each that is named has to be as written. */
  readonly workflow?: NameRule;
  readonly buildType?: NameRule;
  readonly runner?: "hosted" | "self-hosted";
  readonly inputs?: Readonly<Record<string, NameRule>>;
  /** Of the signature: who vouched for the identity; how many log entries and words about the time hold. */
  readonly issuer?: NameRule;
  readonly minimumLogEntries?: number;
  readonly minimumTimes?: number;
  /** Of a verification summary: who verified, and levels that it has to state. */
  readonly verifier?: NameRule;
  readonly verifiedLevels?: readonly string[];
  readonly minimumLevel?: number;
  readonly noDowngrade: boolean;
  readonly minimumAgeHours?: number;
  readonly seenOnDevices?: number;
}

/** Where `match` holds, the verdict has to have one of the standings (and bases), or `otherwise` happens. */
export interface Requirement {
  readonly name: string;
  readonly match: Match;
  readonly standings: readonly string[];
  readonly bases: readonly string[] | undefined;
  readonly minimumLevel: number | undefined;
  readonly otherwise: Partial<Otherwise>;
}

/** By cause: refuted, unproven, unchecked, late (the check did not end in time), unexpected (an expectation not met). */
export interface Otherwise {
  readonly refuted: Action;
  readonly unproven: Action;
  readonly unchecked: Action;
  readonly late: Action;
  readonly unexpected: Action;
}

export interface Match {
  readonly group?: string;
  readonly user?: string;
  readonly path?: NameRule;
  readonly package?: NameRule;
  readonly privileged?: boolean;
  readonly listening?: boolean;
  readonly when?: Condition;
}

export interface Exception {
  readonly name: string;
  readonly match: Match & { readonly sha256?: string };
  readonly owner: string;
  readonly reason: string;
  readonly expires: number;
}

export type PolicyReading =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly why: string };

/** A policy that cannot be read whole, or that would rule nothing, is a fault: whoever asks keeps the last good one. */
export function readPolicy(yaml: string): PolicyReading {
  if (yaml.length > maxPolicyLength) return refused(`it is longer than ${maxPolicyLength} characters`);
  try {
    // YAML 1.2 without aliases: a few lines of aliases can stand for gigabytes.
    const parsed = Document.safeParse(parse(yaml, { maxAliasCount: 0, uniqueKeys: true, schema: "core" }));
    if (!parsed.success) {
      const [first] = parsed.error.issues;
      return refused([first?.path.join("."), first?.message ?? "it is malformed"].filter(Boolean).join(": "));
    }
    if (parsed.data.require.length === 0 && parsed.data.expect.length === 0)
      return refused("it requires and expects nothing");
    return { ok: true, policy: policyOf(parsed.data) };
  } catch (cause) {
    return refused(asRefusal(cause).message);
  }
}

export const maxPolicyLength = 1024 * 1024;
const refused = (why: string): PolicyReading => ({ ok: false, why });

const text = z.string().min(1).max(2000);
const Name = z.union([
  z
    .string()
    .min(1)
    .max(2000)
    .transform((exact) => namePattern({ exact })),
  z.strictObject({ exact: text }).transform((rule) => namePattern(rule)),
  z.strictObject({ pattern: text }).transform((rule) => namePattern(rule)),
]);
const When = z.string().transform((expression, context) => {
  const read = readCondition(expression);
  if (read.ok) return read.condition;
  context.addIssue({ code: "custom", message: read.why });
  return z.NEVER;
});
/** Read here too, so that a policy with trust that cannot be used is refused as a whole. */
const Trusted = z.record(z.string(), z.unknown()).transform((document, context) => {
  const read = readTrust(document);
  if (read.ok) return document;
  context.addIssue({ code: "custom", message: read.why });
  return z.NEVER;
});
const MatchDocument = z.strictObject({
  group: text.optional(),
  user: text.optional(),
  path: Name.optional(),
  package: Name.optional(),
  privileged: z.boolean().optional(),
  listening: z.boolean().optional(),
  when: When.optional(),
});
const OtherwiseDocument = z.strictObject({
  refuted: z.enum(actions).optional(),
  unproven: z.enum(actions).optional(),
  unchecked: z.enum(actions).optional(),
  late: z.enum(actions).optional(),
  unexpected: z.enum(actions).optional(),
});
const level = z.int().min(1).max(3);
const Document = z.strictObject({
  number: z.int().positive(),
  mode: z.enum(["record", "enforce"]).default("record"),
  trust: Trusted.optional(),
  expect: z
    .array(
      z.strictObject({
        name: text,
        package: Name,
        source: Name.optional(),
        signer: Name.optional(),
        builder: Name.optional(),
        owner: Name.optional(),
        ref: Name.optional(),
        branch: Name.optional(),
        tag: Name.optional(),
        commit: Name.optional(),
        workflow: Name.optional(),
        buildType: Name.optional(),
        runner: z.enum(["hosted", "self-hosted"]).optional(),
        inputs: z.record(text, Name).optional(),
        issuer: Name.optional(),
        minimumLogEntries: z.int().min(1).max(16).optional(),
        minimumTimes: z.int().min(1).max(16).optional(),
        verifier: Name.optional(),
        verifiedLevels: z.array(text).min(1).max(32).optional(),
        minimumLevel: level.optional(),
        noDowngrade: z.boolean().default(false),
        minimumAgeHours: z.number().positive().max(87_600).optional(),
        seenOnDevices: z.int().positive().optional(),
      }),
    )
    .max(10_000)
    .default([]),
  require: z
    .array(
      z.strictObject({
        name: text,
        match: MatchDocument.default({}),
        standing: z.array(z.enum(standings)).min(1),
        basis: z.array(z.enum(bases)).min(1).optional(),
        minimumLevel: level.optional(),
        otherwise: OtherwiseDocument.default({}),
      }),
    )
    .max(1000)
    .default([]),
  otherwise: OtherwiseDocument.default({}),
  exceptions: z
    .array(
      z.strictObject({
        name: text,
        match: MatchDocument.extend({
          sha256: z
            .string()
            .regex(/^[0-9a-f]{64}$/)
            .optional(),
        }).refine(
          (match) => Object.values(match).some((one) => one !== undefined),
          "an exception for everything is no exception",
        ),
        owner: text,
        reason: text,
        expires: z.iso.datetime({ offset: true }).transform((when) => Date.parse(when)),
      }),
    )
    .max(10_000)
    .default([]),
});

const mildest: Otherwise = {
  refuted: "block",
  unproven: "warn",
  unchecked: "record",
  late: "record",
  unexpected: "warn",
};

function policyOf({ number, mode, trust, expect, require, otherwise, exceptions }: z.infer<typeof Document>): Policy {
  return {
    number,
    mode,
    ...(trust === undefined ? {} : { trust }),
    expectations: expect.map(defined),
    requirements: require.map(({ name, match, standing, basis, minimumLevel, otherwise: own }) => ({
      name,
      match: defined(match),
      standings: standing,
      bases: basis,
      minimumLevel,
      otherwise: defined(own),
    })),
    otherwise: { ...mildest, ...defined(otherwise) },
    exceptions: exceptions.map((one) => ({ ...one, match: defined(one.match) })),
  };
}

type Defined<T> = { readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  readonly [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Defined<T>;
}

export const named = (rule: NameRule | undefined, name: string | undefined): boolean =>
  rule === undefined || (name !== undefined && matches(rule, name));
