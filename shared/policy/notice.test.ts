import { expect, test } from "vitest";
import type { Verdict } from "../model/verdict.ts";
import type { GateDecision } from "./gate-decision.ts";
import { noticeText } from "./notice.ts";

const decision = (more: Partial<GateDecision>): GateDecision => ({
  allow: false,
  action: "block",
  cause: "requirement",
  rule: "signed only",
  why: "",
  policy: 1,
  kind: "verdict",
  remember: "file",
  forMs: 1,
  notice: true,
  request: false,
  ...more,
});
const verdict = (standing: string, basis: string): Verdict =>
  ({ standing, basis, says: "", chain: [], wanted: "a newer index" }) as unknown as Verdict;

test.each([
  [
    {},
    verdict("unproven", "none"),
    "Stopped: /tmp/app has no proof of where it was built (nothing claims it).\n  Ask for it:  provost request 77d04e      Why:  provost why 77d04e\n",
  ],
  [
    { action: "quarantine" },
    verdict("unproven", "none"),
    "Stopped: /tmp/app has no proof of where it was built (nothing claims it). The server is asked to seal it away.\n  Ask for it:  provost request 77d04e      Why:  provost why 77d04e\n",
  ],
  [
    { action: "hold", request: true },
    verdict("unproven", "pinned"),
    "Held: /tmp/app has no proof of where it was built (only a lockfile names it).\n  Approval was asked for as 77d04e.      Why:  provost why 77d04e\n",
  ],
  [
    { allow: true, action: "warn" },
    verdict("refuted", "contradicted"),
    "Warning: /tmp/app is not what it should be (it differs from the file in its signed package).\n  Why:  provost why 77d04e\n",
  ],
  [
    {},
    verdict("unchecked", "lapsed"),
    "Stopped: /tmp/app could not be checked (wanted: a newer index).\n  Ask for it:  provost request 77d04e      Why:  provost why 77d04e\n",
  ],
  [
    { cause: "expectation", rule: "from our repository" },
    verdict("signed", "publisher"),
    'Stopped: /tmp/app is signed, but not as "from our repository" expects.\n  Ask for it:  provost request 77d04e      Why:  provost why 77d04e\n',
  ],
] as const)("%j, %j", (more, of, text) => {
  expect(noticeText(decision(more), of, "/tmp/app", "77d04e")).toBe(text);
});

test("it stays two lines, and fits into what a terminal is told, however long the path is", () => {
  const text = noticeText(decision({}), verdict("unproven", "none"), `/${"a".repeat(16_000)}/end`, "77d04e");
  expect(text.split("\n")).toHaveLength(3);
  expect(Buffer.byteLength(text)).toBeLessThan(1024);
  expect(text).toContain("aaa/end has no proof");
});
