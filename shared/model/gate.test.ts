import { expect, test } from "vitest";
import { outcomeOf } from "./gate.ts";

test.each([
  ["blocked", { allowed: false, action: "block" }, "stopped"],
  ["quarantined", { allowed: false, action: "quarantine" }, "stopped"],
  ["stopped because nobody could answer", { allowed: false, action: "allow" }, "stopped"],
  ["held until somebody approves", { allowed: false, action: "hold" }, "held"],
  [
    "run under record, which the policy would have blocked",
    { allowed: true, action: "record", would: "block" },
    "would",
  ],
  ["run under warn, which the policy would have held", { allowed: true, action: "warn", would: "hold" }, "would"],
  ["let through by a failure although the policy holds it", { allowed: true, action: "hold" }, "would"],
  ["warned of", { allowed: true, action: "warn" }, "warned"],
  ["recorded, where the policy wanted a warning", { allowed: true, action: "record", would: "warn" }, "warned"],
  ["recorded and nothing else", { allowed: true, action: "record" }, "allowed"],
  ["allowed", { allowed: true, action: "allow" }, "allowed"],
] as const)("what was %s", (_name, decision, outcome) => {
  expect(outcomeOf(decision)).toBe(outcome);
});
