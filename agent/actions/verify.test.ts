import { expect, test } from "vitest";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import type { Command } from "@provost/shared/model/command.ts";
import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import { makeKeyPair, signWith, verifyWith } from "../link/keys.ts";
import { commandBytes, readCommand } from "./verify.ts";
import type { Expected } from "./verify.ts";

const now = Date.parse("2026-11-26T12:00:00Z");
const server = makeKeyPair();
const retired = makeKeyPair();
const device = `dev_${"a".repeat(26)}` as DeviceId;
const digest = "ab".repeat(32) as Sha256;

const command: Command = {
  id: "cmd_1",
  device,
  order: { action: "quarantine-file", root: "", path: "/tmp/x", sha256: digest },
  reason: "seen in an incident",
  by: "ada",
  issuedAt: now - 1000,
  expires: now + 60_000,
  nonce: "n1",
};
const expected: Expected = {
  device,
  serverKey: server.publicKey,
  now,
  isUsed: (id, nonce) => id === "cmd_used" || nonce === "used",
  verify: verifyWith,
};
const sign = (body: string, key = server.privateKey): string => signWith(key, commandBytes(body));
const readOf = (body: string, signature = sign(body)) => readCommand(body, signature, expected);

test("an order that holds in every point is taken", () => {
  expect(readOf(canonicalJson(command))).toEqual({ ok: true, command });
});

test.each<[string, object, RegExp]>([
  ["for another device", { device: `dev_${"b".repeat(26)}` }, /for another device/],
  ["that has expired", { expires: now }, /to be taken until 2026-11-26T12:00:00/],
  ["from the future", { issuedAt: now + 400_000 }, /issued in the future/],
  ["whose nonce was used", { nonce: "used" }, /nothing is done twice/],
  ["whose name was used", { id: "cmd_used" }, /nothing is done twice/],
  ["with .. in its path", { order: { ...command.order, path: "/tmp/../etc/passwd" } }, /without \.\./],
  ["with .. in its root", { order: { ...command.order, root: "/srv/.." } }, /without \.\./],
  ["with a path that is not whole", { order: { ...command.order, path: "tmp/x" } }, /not a whole path/],
  ["with an exception that is a rule", { order: { action: "isolate-host", except: ["::/0"] } }, /may be excepted/],
])("an order %s is refused, and the refusal can be told", (_what, change, why) => {
  const reading = readOf(canonicalJson({ ...command, ...change }));
  expect(reading).toMatchObject({ ok: false, id: expect.stringMatching(/^cmd_/) as string });
  expect(reading.ok ? "" : reading.why).toMatch(why);
});

test.each<[string, string, RegExp]>([
  ["a member that nobody knows", canonicalJson({ ...command, shell: "rm" }), /[Uu]nrecognized|shell/],
  [
    "a member of the order that nobody knows",
    canonicalJson({ ...command, order: { ...command.order, as: 1 } }),
    /order/,
  ],
  ["an action that nobody knows", canonicalJson({ ...command, order: { action: "run", line: "x" } }), /order/],
  ["a digest that is none", canonicalJson({ ...command, order: { ...command.order, sha256: "AB" } }), /order\.sha256/],
  [
    "a process without a number",
    canonicalJson({
      ...command,
      order: { action: "kill-process-tree", process: { pid: 0, startedAt: "1" }, executable: "/x" },
    }),
    /order\.process\.pid/,
  ],
  ["no order", "{}", /id|order/],
  ["no JSON", "{", /command/],
])("%s is not understood, and nothing of it is done", (_what, body, why) => {
  const reading = readOf(body);
  expect(reading).toMatchObject({ ok: false });
  expect(reading.ok ? "" : reading.why).toMatch(why);
});

test("the same words in another order of their members are not what was signed for", () => {
  const body = JSON.stringify(Object.fromEntries(Object.entries(command).reverse()));
  const reading = readOf(body);
  expect(reading).toMatchObject({ ok: false, why: "it is not written in canonical JSON" });
});

test("whose signature is not the pinned server's is refused without being read", () => {
  const body = canonicalJson(command);
  const good = sign(body);
  const why = "it is not signed by the key of the server that this device was enrolled with";
  const bad: readonly [string, string][] = [
    [body, sign(body, retired.privateKey)],
    // Signed for something else than an order.
    [body, signWith(server.privateKey, Buffer.from(body))],
    [body, ""],
    [body, good.slice(0, -4)],
    [body.replace("ada", "eve"), good],
  ];
  for (const [text, signature] of bad) expect(readCommand(text, signature, expected)).toEqual({ ok: false, why });
  expect(readCommand(body, good, { ...expected, serverKey: undefined })).toEqual({ ok: false, why });
});

test("every changed byte of body or signature is refused", () => {
  const body = canonicalJson(command);
  const signature = sign(body);
  for (let at = 0; at < body.length; at += 1) {
    const changed = body.slice(0, at) + String.fromCharCode(body.charCodeAt(at) ^ 1) + body.slice(at + 1);
    expect(readCommand(changed, signature, expected).ok).toBe(false);
  }
  const bytes = Buffer.from(signature, "base64");
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(readCommand(body, changed.toString("base64"), expected).ok).toBe(false);
  }
});
