import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import { makeKeyPair, signWith } from "../link/keys.ts";
import type { State } from "../state/state.ts";
import { openState, writeMeta } from "../state/state.ts";
import { openOwnerPolicy } from "./owner-policy.ts";
import { acceptPolicy, noteReadable, policyBytes, readablePolicy, serverPolicy } from "./server-policy.ts";

const folder = mkdtempSync(join(tmpdir(), "provost-server-policy-"));
afterAll(() => rmSync(folder, { recursive: true }));
const server = makeKeyPair();
let state: State;
beforeEach(() => {
  state = openState(mkdtempSync(join(folder, "s-")));
  writeMeta(state, "server-key", server.publicKey);
});

const rules = (number: number, mode: string): string =>
  `number: ${number}\nmode: enforce\nrequire: [{name: signed, standing: [signed]}]\ngate: {mode: record, rings: [{group: canary, mode: ${mode}}]}\n`;
const signedBy = (key: string, body: string) => ({ body, signature: signWith(key, policyBytes(body)) });
const issue = (number: number, more: Record<string, unknown> = {}, key = server.privateKey) =>
  signedBy(
    key,
    canonicalJson({ issue: number, yaml: rules(5, "block"), steppedBack: [], at: 1, by: "owner", ...more }),
  );

test("a policy of the server's is kept; an older issue, or the same again, is not taken", () => {
  expect(acceptPolicy(state, issue(2))).toMatchObject({ ok: true });
  expect([acceptPolicy(state, issue(1)), acceptPolicy(state, issue(2))]).toEqual([
    expect.objectContaining({ ok: false, old: true }),
    expect.objectContaining({ ok: false, old: true }),
  ]);
  expect(serverPolicy(state)).toMatchObject({ issue: 2 });
});

test.each([
  ["another key signed", () => issue(3, {}, makeKeyPair().privateKey), /not signed by the key/],
  [
    "a byte was changed",
    () => ({ ...issue(3), body: issue(3).body.replace("block", "black") }),
    /not signed by the key/,
  ],
  [
    "nobody signed as a policy",
    () => ({ body: issue(3).body, signature: signWith(server.privateKey, Buffer.from(issue(3).body)) }),
    /not signed/,
  ],
  ["says more than it may", () => issue(3, { mode: "off" }), /[Uu]nrecognized key/],
  ["is not written canonically", () => signedBy(server.privateKey, `${issue(3).body} `), /canonical/],
])("a policy that %s is refused, and what was held stays", (_what, signed, why) => {
  acceptPolicy(state, issue(1));
  expect(acceptPolicy(state, signed())).toMatchObject({ ok: false, why: expect.stringMatching(why) });
  expect(serverPolicy(state)).toMatchObject({ issue: 1 });
});

test("what somebody wrote into the state himself is no policy", () => {
  writeMeta(state, "server-policy", JSON.stringify(issue(9, {}, makeKeyPair().privateKey)));
  expect(serverPolicy(state)).toBeUndefined();
});

test("it rules the gate where no file does, from the next word on, with the rings that stepped back", async () => {
  const word = {
    newest: () => serverPolicy(state),
    lastRead: () => readablePolicy(state),
    wasRead: () => noteReadable(state),
  };
  const seen: (string | undefined)[] = [];
  const policy = await openOwnerPolicy(undefined, "record", word, (now) => seen.push(now.fault ?? now.from));
  expect(policy).toMatchObject({ from: "built-in", current: { number: 0 } });
  acceptPolicy(state, issue(1));
  await policy.published();
  expect(policy).toMatchObject({
    from: "server",
    issue: 1,
    current: { number: 5, gate: { rings: [{ mode: "block" }] } },
  });
  acceptPolicy(state, issue(2, { steppedBack: [{ group: "canary", mode: "warn" }] }));
  await policy.published();
  expect(policy.current.gate.rings).toEqual([{ group: "canary", mode: "warn" }]);
  acceptPolicy(state, issue(3, { yaml: "number: [" }));
  await policy.published();
  expect(policy).toMatchObject({ issue: 2, fault: expect.stringContaining("issue 3") });
  expect(seen).toEqual(["server", "server", expect.stringContaining("is not read")]);
  // Started again: what held is what the server said last that can be read, and the fault is said.
  const again = await openOwnerPolicy(undefined, "record", word, () => undefined);
  expect(again).toMatchObject({
    from: "server",
    issue: 2,
    current: { number: 5 },
    fault: expect.stringContaining("issue 3"),
  });
  policy.close();
  again.close();
});
