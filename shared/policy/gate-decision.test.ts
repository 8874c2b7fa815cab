import { describe, expect, test } from "vitest";
import { instant } from "../model/ids.ts";
import type { Purl, Sha256 } from "../model/ids.ts";
import type { GateMode } from "../model/gate.ts";
import type { Verdict } from "../model/verdict.ts";
import { defaultPolicy } from "./default-policy.ts";
import { gateDecision } from "./gate-decision.ts";
import { defaultGate, modeFor, outcomesFor } from "./gate.ts";
import { type Policy, readPolicy } from "./policy.ts";
import type { Situation } from "./situation.ts";

const now = instant(Date.parse("2026-11-26T00:00:00Z"));
const digest = "ab".repeat(32) as Sha256;
const verdict = (standing: Verdict["standing"], basis: string): Verdict =>
  ({ standing, basis, says: `it is ${standing}: ${basis}`, chain: [], wanted: "time" }) as unknown as Verdict;
const situation = (of: Verdict, user = "1000"): Situation => ({
  verdict: of,
  device: { id: "dev", groups: ["builders"] },
  file: { path: "/opt/app", sha256: digest, user, privileged: false, listening: false, package: "pkg:deb/a@1" as Purl },
});
const yaml = (rest: string, mode = "enforce"): Policy => {
  const read = readPolicy(
    `number: 7\nmode: ${mode}\nrequire:\n  - {name: signed, standing: [proven, signed]}\n${rest}`,
  );
  if (!read.ok) throw new Error(read.why);
  return read.policy;
};
const strict = yaml("otherwise: {unproven: block, unchecked: hold, late: block}");
const ask = (
  of: Verdict,
  mode: GateMode,
  more: { readonly lineageUntil?: number; readonly byPlace?: boolean; readonly isNew?: boolean } = {},
) => ({
  situation: situation(of),
  mode,
  now,
  denyMs: 2000,
  byPlace: more.byPlace ?? false,
  isNew: more.isNew ?? false,
  ...(more.lineageUntil === undefined ? {} : { lineageUntil: instant(more.lineageUntil) }),
});
const nothing = verdict("unproven", "none");

describe("the mode is a ceiling over what the rules want", () => {
  test.each([
    ["off", { allow: true, action: "record", would: "block", notice: false, request: false }],
    ["record", { allow: true, action: "record", would: "block", notice: false, request: false }],
    ["warn", { allow: true, action: "warn", would: "block", notice: true, request: false }],
    ["hold", { allow: false, action: "hold", would: "block", notice: true, request: true }],
    ["block", { allow: false, action: "block", notice: true, request: false }],
    ["quarantine", { allow: false, action: "block", notice: true, request: false }],
  ] as const)("%s", (mode, expected) => {
    expect(gateDecision(ask(nothing, mode), strict)).toMatchObject({
      ...expected,
      cause: "requirement",
      rule: "signed",
    });
  });

  test("quarantine seals what is blocked and new, and no other mode seals anything", () => {
    const seals = yaml("otherwise: {unproven: quarantine}");
    const held = yaml("otherwise: {unproven: hold}");
    const isNew = { isNew: true };
    expect([
      gateDecision(ask(nothing, "quarantine", isNew), strict).action,
      gateDecision(ask(nothing, "quarantine"), seals).action,
      gateDecision(ask(nothing, "quarantine", isNew), held).action,
      gateDecision(ask(nothing, "block", isNew), strict).action,
    ]).toEqual(["quarantine", "quarantine", "hold", "block"]);
    expect(gateDecision(ask(nothing, "block", isNew), seals)).toMatchObject({ action: "block", would: "quarantine" });
    expect(gateDecision(ask(nothing, "quarantine", isNew), strict)).not.toHaveProperty("would");
  });

  test.each(["off", "record", "warn", "hold", "block", "quarantine"] as const)(
    "what is signed runs under %s, and nobody is told",
    (mode) => {
      const decision = gateDecision(ask(verdict("signed", "publisher"), mode), strict);
      expect(decision).toMatchObject({ allow: true, action: "allow", remember: "digest", forMs: 0, notice: false });
      expect(decision.would).toBeUndefined();
    },
  );

  test("what is only to be held is held also where blocking is allowed", () => {
    expect(gateDecision(ask(verdict("unchecked", "lapsed"), "block"), strict)).toMatchObject({
      allow: false,
      action: "hold",
    });
  });
});

describe("what is remembered", () => {
  test("an allowed digest stays allowed until its file changes; a denial is short", () => {
    expect(gateDecision(ask(nothing, "block"), strict)).toMatchObject({ remember: "file", forMs: 2000 });
    expect(gateDecision(ask(verdict("proven", "source"), "block"), strict)).toMatchObject({
      remember: "digest",
      forMs: 0,
    });
  });

  test("a verdict that rests on the file's place is remembered of that file only", () => {
    expect(gateDecision(ask(verdict("signed", "publisher"), "block", { byPlace: true }), strict)).toMatchObject({
      remember: "file",
    });
  });

  test.each([
    [
      "the path",
      'exceptions: [{name: e, match: {path: /opt/app}, owner: o, reason: r, expires: "2030-01-01T00:00:00Z"}]',
      "file",
    ],
    [
      "the user",
      'exceptions: [{name: e, match: {user: root}, owner: o, reason: r, expires: "2030-01-01T00:00:00Z"}]',
      "none",
    ],
    [
      "a condition on the file",
      'exceptions: [{name: e, match: {when: "file.privileged"}, owner: o, reason: r, expires: "2030-01-01T00:00:00Z"}]',
      "file",
    ],
  ])("a policy that looks at %s", (_what, rest, remember) => {
    expect(gateDecision(ask(verdict("signed", "publisher"), "block"), yaml(rest))).toMatchObject({ remember });
  });

  test("an exception lasts as long as it says", () => {
    const policy = yaml(
      `exceptions: [{name: e, match: {sha256: "${digest}"}, owner: o, reason: r, expires: "2026-11-26T01:00:00Z"}]`,
    );
    expect(gateDecision(ask(nothing, "block"), policy)).toMatchObject({
      allow: true,
      kind: "exception",
      remember: "digest",
      forMs: 3_600_000,
    });
  });

  test("a check that did not end is not remembered", () => {
    expect(gateDecision(ask(verdict("unchecked", "deadline"), "block"), strict)).toMatchObject({
      allow: false,
      remember: "none",
    });
  });
});

describe("lineage", () => {
  const until = { lineageUntil: now + 3_600_000 };
  test("excuses only the lack of proof, for its time", () => {
    expect(gateDecision(ask(verdict("unproven", "generated"), "block", until), strict)).toMatchObject({
      allow: true,
      action: "allow",
      cause: "lineage",
      kind: "lineage",
      remember: "digest",
      forMs: 3_600_000,
    });
  });

  test.each([
    ["what is refuted", verdict("refuted", "contradicted")],
    ["what could not be checked", verdict("unchecked", "lapsed")],
  ])("does not excuse %s", (_what, of) => {
    expect(gateDecision(ask(of, "block", until), strict)).toMatchObject({ allow: false, kind: "verdict" });
  });
});

describe("the policy's gate section", () => {
  test("has tested defaults", () => {
    expect(strict.gate).toEqual(defaultGate);
    expect(outcomesFor(defaultGate, "hold")).toEqual({
      late: "open",
      overloaded: "open",
      unreadable: "open",
      agentGone: "open",
      restarted: "open",
      unseen: "open",
    });
    expect(outcomesFor(defaultGate, "block").agentGone).toBe("known");
    expect(outcomesFor({ ...defaultGate, when: { late: "closed" } }, "record").late).toBe("closed");
  });

  test("is read, and a device's first ring decides its mode", () => {
    const { gate } = yaml(`gate:
  mode: warn
  rings: [{group: canary, mode: block}, {group: builders, mode: hold}]
  scripts: strict
  deadlineMs: 500
  when: {late: closed}
  lineage: {hours: 2, compilers: [{pattern: "/opt/cc/.*"}]}
  core: [/opt/vpn]`);
    expect(gate).toMatchObject({
      mode: "warn",
      scripts: "strict",
      deadlineMs: 500,
      when: { late: "closed" },
      core: ["/opt/vpn"],
    });
    expect(gate.lineage).toMatchObject({ hours: 2, managers: [] });
    expect(modeFor(gate, ["builders", "canary"])).toBe("block");
    expect(modeFor(gate, ["builders"])).toBe("hold");
    expect(modeFor(gate, [])).toBe("warn");
  });

  test.each([
    ["gate: {mode: block}", /gate\.mode: block stops programs, and the policy's mode is record/],
    ["gate: {rings: [{group: a, mode: hold}]}", /gate\.rings: hold for a stops programs/],
  ])("a policy that only records may not ask for a gate that stops: %s", (rest, why) => {
    const read = readPolicy(`number: 7\nrequire:\n  - {name: signed, standing: [signed]}\n${rest}`);
    expect(read).toMatchObject({ ok: false, why: expect.stringMatching(why) as unknown });
  });

  test.each(["gate: {mode: shut}", "gate: {deadlineMs: 5}", "gate: {core: [relative]}", "gate: {unknown: 1}"])(
    "%s is refused",
    (rest) => {
      const read = readPolicy(`number: 7\nmode: enforce\nrequire:\n  - {name: signed, standing: [signed]}\n${rest}`);
      expect(read).toMatchObject({ ok: false, why: expect.stringMatching(/^gate[.:]/) as unknown });
    },
  );
});

test.each([
  ["unproven", "none", false],
  ["unproven", "claimed", false],
  ["unproven", "recorded", true],
  ["unproven", "generated", true],
  ["signed", "publisher", true],
  ["unchecked", "unreachable", true],
  ["unchecked", "deadline", true],
  ["refuted", "contradicted", false],
] as const)("without a policy of the owner, %s: %s under block: allowed %s", (standing, basis, allow) => {
  expect(gateDecision(ask(verdict(standing, basis), "block"), defaultPolicy).allow).toBe(allow);
});
