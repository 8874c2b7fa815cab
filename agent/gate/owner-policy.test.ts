import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openOwnerPolicy } from "./owner-policy.ts";
import { Quiet, quietMs } from "./telling-people.ts";

const folder = mkdtempSync(join(tmpdir(), "provost-policy-"));
afterAll(() => rmSync(folder, { recursive: true }));
const none = { newest: () => undefined, lastRead: () => undefined, wasRead: () => undefined };
const never = (): never => {
  throw new Error("it did not change");
};

test("without a file the built-in policy holds in the mode that was set", async () => {
  const policy = await openOwnerPolicy(undefined, "hold", none, never);
  expect(policy.current).toMatchObject({ number: 0, gate: { mode: "hold" } });
  policy.close();
});

test("the owner's file decides, its own mode included", async () => {
  const file = join(folder, "good.yaml");
  writeFileSync(file, "number: 9\nmode: enforce\nrequire: [{name: signed, standing: [signed]}]\ngate: {mode: block}\n");
  const policy = await openOwnerPolicy(file, "record", none, never);
  expect(policy).toMatchObject({ fault: undefined, current: { number: 9, gate: { mode: "block" } } });
  policy.close();
});

test.each([
  ["is empty", ""],
  ["requires nothing", "number: 3\nmode: enforce\n"],
  ["is no YAML", "number: [\n"],
])("a policy that %s is a fault and no rule: what held before still holds", async (_what, text) => {
  const file = join(folder, "bad.yaml");
  writeFileSync(file, text);
  const policy = await openOwnerPolicy(file, "block", none, never);
  expect(policy.current).toMatchObject({ number: 0, gate: { mode: "block" } });
  expect(policy.fault).toMatch(/bad\.yaml is not read: /);
  policy.close();
});

test("a person is told of the same bytes once in ten minutes", () => {
  const quiet = new Quiet();
  expect([
    quiet.mayTell("a", 0),
    quiet.mayTell("a", quietMs - 1),
    quiet.mayTell("b", 1),
    quiet.mayTell("a", quietMs),
  ]).toEqual([true, false, true, true]);
});
