import * as z from "zod";
import { parse } from "yaml";
import { actions, gateModes } from "../model/gate.ts";
import { bases, standings } from "../model/verdict.ts";
import { namePattern } from "../provenance/name-rule.ts";
import { asRefusal } from "../provenance/refusal.ts";
import { readTrust } from "../provenance/trust.ts";
import { readCondition } from "./condition.ts";
import { type GatePolicy, defaultGate, outcomes, stops } from "./gate.ts";
import type { Otherwise, Policy } from "./rules.ts";

export * from "./rules.ts";

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
    const strict = strictGate(parsed.data);
    if (parsed.data.mode === "record" && strict !== undefined)
      return refused(
        `${strict} stops programs, and the policy's mode is record: write mode: enforce, or a gate mode of record or warn`,
      );
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
const GateMode = z.enum(gateModes);
const Outcome = z.enum(outcomes).optional();
const GateDocument = z.strictObject({
  mode: GateMode.default(defaultGate.mode),
  rings: z
    .array(z.strictObject({ group: text, mode: GateMode }))
    .max(100)
    .default([]),
  stepBack: z
    .strictObject({ files: z.int().min(1).max(100_000), minutes: z.int().min(1).max(1440) })
    .default(defaultGate.stepBack),
  libraries: z.boolean().default(defaultGate.libraries),
  scripts: z.enum(["executed", "strict"]).default(defaultGate.scripts),
  syscalls: z.boolean().default(defaultGate.syscalls),
  deadlineMs: z.int().min(20).max(60_000).default(defaultGate.deadlineMs),
  when: z
    .strictObject({
      late: Outcome,
      overloaded: Outcome,
      unreadable: Outcome,
      agentGone: Outcome,
      restarted: Outcome,
      unseen: Outcome,
    })
    .default({}),
  lineage: z
    .strictObject({
      hours: z.number().min(0).max(8760).default(defaultGate.lineage.hours),
      compilers: z.array(Name).max(100).default([]),
      managers: z.array(Name).max(100).default([]),
    })
    .default({ hours: defaultGate.lineage.hours, compilers: [], managers: [] }),
  core: z.array(text.startsWith("/")).max(100).default([]),
});
const level = z.int().min(1).max(3);
const Document = z.strictObject({
  number: z.int().positive(),
  mode: z.enum(["record", "enforce"]).default("record"),
  trust: Trusted.optional(),
  gate: GateDocument.optional(),
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

/** Where a gate stricter than warn is asked for: a policy that only records would never stop what it seems to stop. */
function strictGate({ gate }: z.infer<typeof Document>): string | undefined {
  if (gate === undefined) return undefined;
  if (stops(gate.mode)) return `gate.mode: ${gate.mode}`;
  const ring = gate.rings.find(({ mode }) => stops(mode));
  return ring === undefined ? undefined : `gate.rings: ${ring.mode} for ${ring.group}`;
}

const gateOf = (gate: z.infer<typeof GateDocument> | undefined): GatePolicy =>
  gate === undefined ? defaultGate : { ...gate, when: defined(gate.when) };

const mildest: Otherwise = {
  refuted: "block",
  unproven: "warn",
  unchecked: "record",
  late: "record",
  unexpected: "warn",
};

function policyOf(document: z.infer<typeof Document>): Policy {
  const { number, mode, trust, expect, require, otherwise, exceptions } = document;
  return {
    number,
    mode,
    gate: gateOf(document.gate),
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
