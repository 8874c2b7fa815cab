import { describe, expect, test } from "vitest";
import { instant, sha256, type Purl } from "../model/ids.ts";
import type { Verdict } from "../model/verdict.ts";
import { decide } from "./decide.ts";
import { explain } from "./explain.ts";
import { readPolicy, type Policy } from "./policy.ts";
import type { Situation } from "./situation.ts";

const now = instant(Date.parse("2026-11-22T00:00:00Z"));
const digest = sha256("a".repeat(64)) ?? ("" as never);
const parts = { says: "It is so.", chain: [] };
const verdicts = {
  proven3: { standing: "proven", basis: "source", slsaLevel: 3, ...parts },
  proven1: { standing: "proven", basis: "source", slsaLevel: 1, ...parts },
  signed: { standing: "signed", basis: "publisher", ...parts },
  unproven: { standing: "unproven", basis: "none", ...parts },
  late: { standing: "unchecked", basis: "deadline", wanted: "time", ...parts },
  stale: { standing: "unchecked", basis: "stale-trust", wanted: "a current trust document", ...parts },
  forged: { standing: "refuted", basis: "forged", ...parts },
} as const satisfies Record<string, Verdict>;

function situation(verdict: Verdict, file: Partial<Situation["file"]> = {}, history?: Situation["history"]): Situation {
  return {
    verdict,
    device: { id: "dev_1", groups: ["servers"] },
    file: { path: "/usr/bin/tool", sha256: digest, privileged: false, listening: false, ...file },
    ...(history === undefined ? {} : { history }),
  };
}

const policyText = `
number: 7
mode: enforce
expect:
  - name: left-pad stays where it is
    package: { pattern: "pkg:npm/left-pad@.*" }
    source: github.com/left-pad/left-pad
    noDowngrade: true
    minimumAgeHours: 24
require:
  - name: servers run signed programs
    match: { group: servers }
    standing: [proven, signed]
    otherwise: { unproven: block, late: hold }
  - name: setuid programs are proven
    match: { privileged: true, path: { pattern: "/usr/.*" } }
    standing: [proven]
    minimumLevel: 2
    otherwise: { unproven: quarantine }
  - name: conditions reach further
    match: { when: 'file.path.startsWith("/opt/") && size(device.groups) > 0' }
    standing: [proven]
    otherwise: { unproven: hold }
otherwise: { refuted: quarantine, unexpected: hold, unchecked: warn }
exceptions:
  - { name: the old tool, match: { path: /usr/bin/old }, owner: ada, reason: until it is rebuilt, expires: "2026-12-01T00:00:00Z" }
  - { name: last year's, match: { path: /usr/bin/older }, owner: ada, reason: gone, expires: "2025-12-01T00:00:00Z" }
`;

function policy(text = policyText): Policy {
  const read = readPolicy(text);
  if (!read.ok) throw new Error(read.why);
  return read.policy;
}

test.each([
  ["a proven program runs", situation(verdicts.proven3), "allow", "allowed"],
  ["a signed program runs", situation(verdicts.signed), "allow", "allowed"],
  ["an unproven program is blocked on servers", situation(verdicts.unproven), "block", "requirement"],
  ["a slow check is not treated as guilt", situation(verdicts.late), "hold", "requirement"],
  ["stale trust is its own cause", situation(verdicts.stale), "warn", "requirement"],
  ["a forged program is quarantined", situation(verdicts.forged), "quarantine", "refuted"],
  [
    "an exception does not reach a refuted program",
    situation(verdicts.forged, { path: "/usr/bin/old" }),
    "quarantine",
    "refuted",
  ],
  ["an exception holds before its end", situation(verdicts.unproven, { path: "/usr/bin/old" }), "allow", "exception"],
  ["an exception ends", situation(verdicts.unproven, { path: "/usr/bin/older" }), "block", "requirement"],
  ["the strongest broken rule counts", situation(verdicts.unproven, { privileged: true }), "quarantine", "requirement"],
  [
    "a level that is too low is not enough",
    situation(verdicts.proven1, { privileged: true }),
    "quarantine",
    "requirement",
  ],
  [
    "a condition applies where tables do not reach",
    situation(verdicts.signed, { path: "/opt/x" }),
    "hold",
    "requirement",
  ],
])("%s", (_name, given, action, cause) => {
  expect(decide(given, policy(), now)).toMatchObject({ action, cause, policy: 7 });
});

describe("expectations of a package", () => {
  const left = { package: "pkg:npm/left-pad@1.3.0" as Purl, source: "github.com/left-pad/left-pad" };
  const old = { releasedAt: instant(now - 48 * 3_600_000) };
  test.each([
    ["met", left, old, "allow"],
    ["another source", { ...left, source: "github.com/evil/left-pad" }, old, "hold"],
    ["a source that only begins the same", { ...left, source: "github.com/left-pad/left-pad2" }, old, "hold"],
    ["too young", left, { releasedAt: instant(now - 3_600_000) }, "hold"],
    ["of unknown age", left, undefined, "hold"],
    ["a level below its own history", left, { ...old, bestLevel: 3 }, "hold"],
    ["another package", { package: "pkg:npm/left-padding@1.0.0" as Purl }, undefined, "allow"],
  ])("%s", (_name, file, history, action) => {
    expect(decide(situation(verdicts.proven1, file, history), policy(), now).action).toBe(action);
  });
});

describe("expectations of how a package was built", () => {
  const file = { package: "pkg:npm/left-pad@1.3.0" as Purl };
  const built = {
    ref: "refs/tags/v1.3.0",
    branch: "main",
    tag: "v1.3.0",
    commit: "c".repeat(40),
    owner: "github.com/left-pad",
    workflow: ".github/workflows/release.yml",
    buildType: "https://slsa.example/workflow/v1",
    runner: "hosted",
    inputs: { channel: "stable" },
    issuer: "https://token.actions.githubusercontent.com",
    logEntries: 1,
    times: 2,
    verifier: "https://verifier.example",
    verifiedLevels: ["SLSA_BUILD_LEVEL_3", "ORG_REVIEWED"],
  } as const;
  const expecting = (rule: string) =>
    policy(
      `number: 1\nmode: enforce\nexpect: [{ name: x, package: { pattern: ".*" }, ${rule} }]\notherwise: { unexpected: block }`,
    );
  test.each([
    ["ref", "ref: refs/tags/v1.3.0", "ref: refs/heads/main"],
    ["branch", "branch: main", "branch: dev"],
    ["tag", 'tag: { pattern: "v[0-9.]+" }', "tag: v1.3"],
    ["commit", `commit: ${"c".repeat(40)}`, `commit: ${"d".repeat(40)}`],
    ["owner", "owner: github.com/left-pad", "owner: github.com/left"],
    ["workflow", "workflow: .github/workflows/release.yml", "workflow: release.yml"],
    ["buildType", "buildType: https://slsa.example/workflow/v1", "buildType: https://slsa.example/workflow"],
    ["runner", "runner: hosted", "runner: self-hosted"],
    ["inputs", "inputs: { channel: stable }", "inputs: { channel: beta }"],
    ["inputs that are not said", "inputs: { channel: stable }", 'inputs: { debug: "false" }'],
    ["issuer", "issuer: https://token.actions.githubusercontent.com", "issuer: https://gitlab.com"],
    ["log entries", "minimumLogEntries: 1", "minimumLogEntries: 2"],
    ["proofs of time", "minimumTimes: 2", "minimumTimes: 3"],
    ["verifier", "verifier: https://verifier.example", "verifier: https://other.example"],
    ["verified levels", "verifiedLevels: [ORG_REVIEWED]", "verifiedLevels: [ORG_REVIEWED, SLSA_SOURCE_LEVEL_3]"],
  ])("%s: as written, and otherwise", (_name, met, broken) => {
    expect(decide(situation(verdicts.proven3, { ...file, built }), expecting(met), now).action).toBe("allow");
    const decision = decide(situation(verdicts.proven3, { ...file, built }), expecting(broken), now);
    expect(decision).toMatchObject({ action: "block", cause: "expectation", rule: "x" });
    // What no evidence says is not met either.
    expect(decide(situation(verdicts.signed, file), expecting(met), now).action).toBe("block");
  });

  test("a condition may ask it too", () => {
    const asking = policy(
      "number: 1\nmode: enforce\nrequire: [{ name: x, standing: [proven], match: { when: \"has(file.built.runner) && file.built.runner == 'self-hosted'\" }, otherwise: { unproven: block } }]",
    );
    const on = (runner: "hosted" | "self-hosted") => situation(verdicts.signed, { ...file, built: { runner } });
    expect(decide(on("self-hosted"), asking, now).action).toBe("block");
    expect(decide(on("hosted"), asking, now).action).toBe("allow");
    expect(decide(situation(verdicts.signed, file), asking, now).action).toBe("allow");
  });
});

describe("a policy that carries trust", () => {
  const withTrust = (trust: string) => readPolicy(`number: 1\nexpect: [{ name: x, package: y }]\ntrust: ${trust}`);
  test("is read with it", () => {
    expect(withTrust('{ publishers: [{ keyId: "release" }] }')).toMatchObject({
      ok: true,
      policy: { trust: { publishers: [{ keyId: "release" }] } },
    });
  });
  test.each([
    ["{ publisherz: [] }", "Unrecognized key"],
    ["{ keys: [{ id: k, pem: none, uses: [bundle] }] }", "the key k"],
    ["[]", "trust"],
  ])("is refused as a whole when the trust cannot be used: %s", (trust, why) => {
    const read = withTrust(trust);
    expect(read.ok ? "" : read.why).toContain(why);
  });
});

test("in record mode nothing is stopped, and what would have been is said", () => {
  const recording = policy(policyText.replace("mode: enforce", "mode: record"));
  const decision = decide(situation(verdicts.unproven), recording, now);
  expect(decision).toMatchObject({ action: "record", would: "block" });
  expect(explain(decision, situation(verdicts.unproven))[0]).toContain("Enforcing, it would be: block.");
});

test("whoever is stopped reads why and what is wanted", () => {
  const given = situation(verdicts.late);
  const [what, wanted] = explain(decide(given, policy(), now), given);
  expect(what).toBe(
    '/usr/bin/tool: held until someone approves it by "servers run signed programs", policy 7. "servers run signed programs" wants it proven or signed, and it is unchecked. It is so.',
  );
  expect(wanted).toBe("Wanted: time.");
});

test.each([
  ["an empty policy", "number: 1", "it requires and expects nothing"],
  ["an unknown member", "number: 1\nrequired: []", "Unrecognized key"],
  ["a member twice", "number: 1\nnumber: 2", "unique"],
  ["aliases", "number: 1\na: &a [1]\nrequire: [*a]", "Alias"],
  ["a pattern that is none", "number: 1\nexpect: [{ name: x, package: { pattern: '(' } }]", "no regular expression"],
  [
    "an exception without owner",
    "number: 1\nrequire: [{name: a, standing: [proven]}]\nexceptions: [{ name: x, match: { path: /a }, reason: y, expires: '2027-01-01T00:00:00Z' }]",
    "owner",
  ],
  [
    "an exception for everything",
    "number: 1\nrequire: [{name: a, standing: [proven]}]\nexceptions: [{ name: x, match: {}, owner: o, reason: y, expires: '2027-01-01T00:00:00Z' }]",
    "no exception",
  ],
  [
    "a condition over unknown names",
    "number: 1\nrequire: [{name: a, standing: [proven], match: { when: 'secret == 1' }}]",
    "secret",
  ],
  [
    "a condition with its own patterns",
    `number: 1\nrequire: [{name: a, standing: [proven], match: { when: 'string(file.path).matches("(a+)+b")' }}]`,
    "matches() is not available",
  ],
  [
    "a condition that answers a number",
    "number: 1\nrequire: [{name: a, standing: [proven], match: { when: '1 + 1' }}]",
    "yes or no",
  ],
])("%s is refused", (_name, text, why) => {
  const read = readPolicy(text);
  expect(read.ok ? "read" : read.why).toContain(why);
});
