import { defaultPolicy } from "@provost/shared/policy/default-policy.ts";
import { readPolicy } from "@provost/shared/policy/policy.ts";
import { expect, test } from "vitest";
import { lineOfFault, numberOf, withNumber } from "./policy-text.ts";
import { starterPolicy } from "./starter.ts";

test("the policy an editor begins with is readable, stops nothing, and asks for what the built-in one asks for", () => {
  const read = readPolicy(starterPolicy);
  if (!read.ok) throw new Error(read.why);
  expect(read.policy).toMatchObject({ number: 1, mode: "enforce", gate: { mode: "record", rings: [] } });
  expect(read.policy.requirements).toMatchObject([
    { ...defaultPolicy.requirements[0], otherwise: { unproven: "block", unchecked: "record" } },
  ]);
});

test("what it only suggests is readable, too, once it is asked for", () => {
  const asked = starterPolicy
    .replaceAll(/^(rings|exceptions|  rings): \[\]$/gm, "$1:")
    .replaceAll(/^( *)#  /gm, "$1  ");
  const read = readPolicy(asked);
  if (!read.ok) throw new Error(read.why);
  expect(read.policy.gate.rings).toEqual([
    { group: "canary", mode: "block" },
    { group: "staff", mode: "hold" },
  ]);
  expect(read.policy.exceptions).toMatchObject([{ name: "the old backup tool", owner: "Ada" }]);
});

test.each([
  [
    "is replaced where it stands",
    "# first\nnumber: 4   # grows\nmode: record\n",
    "# first\nnumber: 9   # grows\nmode: record\n",
  ],
  ["is put first where there is none", "mode: record\n", "number: 9\nmode: record\n"],
  ["of something else stays", "require:\n  - number: 4\n", "number: 9\nrequire:\n  - number: 4\n"],
])("a policy's number %s", (_sentence, yaml, wanted) => {
  expect(withNumber(yaml, 9)).toBe(wanted);
  expect(numberOf(wanted)).toBe(9);
});

test("words without a number name none", () => expect(numberOf("mode: record\n  number: 2")).toBeUndefined());

const rules = "number: 2\nmode: record\nrequire: [{name: a, standing: [signed]}]\n";
test.each([
  ["a line of the YAML", "number: 1\nmode: [\n", 3],
  ["a key", `${rules}gate:\n  # mode: first\n  mode: block\n`, 6],
  ["a key in one line with others", `${rules}gate: {libraries: true, mode: block}\n`, 4],
  ["a key that is not known, by what holds it", `${rules}gate:\n  mode: record\n  speed: 3\n`, 4],
  [
    "a later item of a list, by its list",
    `${rules}gate:\n  rings:\n    - {group: a, mode: warn}\n    - {group: b, mode: no}\n`,
    5,
  ],
  ["something that is not there", "mode: record\n", undefined],
])("a fault is found at %s", (_sentence, yaml, line) => {
  const read = readPolicy(yaml);
  if (read.ok) throw new Error("it has no fault");
  expect([read.why, lineOfFault(read.why, yaml)]).toEqual([read.why, line]);
});
