import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import { verifyChain } from "@provost/shared/lib/chain.ts";
import type { ActionOrder, Command } from "@provost/shared/model/command.ts";
import type { DeviceId, Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { ReportFrame } from "@provost/shared/protocol/response-frames.ts";
import { auditEntries } from "../audit/append.ts";
import { approvalOf } from "../gate/approvals.ts";
import { denialOf, denied } from "../gate/denials.ts";
import { makeKeyPair, signWith } from "../link/keys.ts";
import { lease } from "../spool/spool.ts";
import type { State } from "../state/state.ts";
import { openState, writeMeta } from "../state/state.ts";
import { bundleOf, noteAnswer } from "../triage/keep.ts";
import { Journal, standingOrders } from "./journal.ts";
import type { Actions } from "./run.ts";
import { openActions } from "./start.ts";
import { commandBytes } from "./verify.ts";

const server = makeKeyPair();
const device = `dev_${"a".repeat(26)}` as DeviceId;
const bytes = "#!/bin/sh\nexit 0\n";
const digest = createHash("sha256").update(bytes).digest("hex") as Sha256;
const mayMount = process.getuid?.() === 0;

let folder: string;
let state: State;
let actions: Actions;
let refused: string[];
let count = 0;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "provost-actions-")));
  state = openState(join(folder, "state"));
  writeMeta(state, "device", device);
  writeMeta(state, "server-key", server.publicKey);
  refused = [];
  const gate = {
    descendants: () => [],
    sensorPid: () => undefined,
    forget: (sha256: Sha256) => void refused.splice(refused.indexOf(sha256), refused.includes(sha256) ? 1 : 0),
    refuse: (sha256: Sha256) => void refused.push(sha256),
    isJudging: () => true,
  };
  actions = openActions(
    state,
    () => gate,
    () => undefined,
  );
  if (!mayMount) return;
  mkdirSync(join(folder, "disk"));
  spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=755", "provost-test", join(folder, "disk")]);
  writeFileSync(join(folder, "disk/evil"), bytes, { mode: 0o755 });
});
afterEach(() => {
  state.close();
  spawnSync("umount", [join(folder, "disk")]);
  rmSync(folder, { recursive: true });
});

function order(what: ActionOrder, more: Partial<Command> = {}): Command {
  count += 1;
  return {
    id: `cmd_${count}`,
    device,
    order: what,
    reason: "seen in an incident",
    by: "ada",
    issuedAt: Date.now(),
    expires: Date.now() + 60_000,
    nonce: `nonce ${count}`,
    ...more,
  };
}
async function give(command: Command): Promise<Command> {
  const body = canonicalJson(command);
  await actions.take(body, signWith(server.privateKey, commandBytes(body)));
  return command;
}
const reports = (): readonly ReportFrame[] =>
  (lease(state, 0)?.frames ?? []).map((frame) => frame as ReportFrame).filter(({ kind }) => kind === "report");
const statesOf = ({ id }: Command): readonly string[] => [
  ...new Set(
    reports()
      .filter(({ command }) => command === id)
      .map(({ state: to }) => to),
  ),
];
const lastOf = ({ id }: Command): ReportFrame | undefined => reports().findLast(({ command }) => command === id);
const block: ActionOrder = { action: "block-digest", sha256: digest };
const quarantine = (): ActionOrder => ({
  action: "quarantine-file",
  root: join(folder, "disk"),
  path: "/evil",
  sha256: digest,
});

test("a block is accepted, executed and verified, and the sensor refuses at once; undone, it is reverted", async () => {
  const command = await give(order(block));
  expect(statesOf(command)).toEqual(["accepted", "executed", "verified"]);
  expect(refused).toEqual([digest]);
  expect(denialOf(state, digest, Date.now())).toBe(command.id);
  const undo = await give(order({ action: "undo", command: command.id }));
  expect(statesOf(undo)).toEqual(["accepted", "executed", "verified"]);
  expect(lastOf(command)).toMatchObject({ state: "reverted", steps: [{ step: "deny-digest", state: "undone" }] });
  expect([refused, denied(state, Date.now())]).toEqual([[], []]);
});

test("a digest that two orders block stays blocked until both are undone", async () => {
  const first = await give(order(block));
  const second = await give(order(block));
  await give(order({ action: "undo", command: first.id }));
  expect(lastOf(first)?.state).toBe("reverted");
  expect(denialOf(state, digest, Date.now())).toBe(second.id);
  await give(order({ action: "undo", command: second.id }));
  expect(denialOf(state, digest, Date.now())).toBeUndefined();
});

test("an allowance lets bytes run that orders blocked before", async () => {
  await give(order(block));
  await give(order({ action: "allow-digest", sha256: digest, code: "abcdef", expires: Date.now() + 60_000 }));
  expect(denialOf(state, digest, Date.now())).toBeUndefined();
  expect(approvalOf(state, digest, Date.now() as Instant)).toMatchObject({ owner: "server" });
});

test("what was done once is not done again: same nonce, same name, undone twice", async () => {
  const command = await give(order(block));
  const before = reports().length;
  await give(command);
  await give(order(block, { id: command.id }));
  await give(order(block, { nonce: command.nonce }));
  expect(lastOf(command)?.state).toBe("verified");
  expect(
    reports()
      .slice(before)
      .map(({ state: to, why }) => [to, why]),
  ).toEqual([["refused", "it was given before: nothing is done twice"]]);
  await give(order({ action: "undo", command: command.id }));
  const again = await give(order({ action: "undo", command: command.id }));
  expect(lastOf(again)).toMatchObject({ state: "failed", why: "it is undone already" });
  const none = await give(order({ action: "undo", command: "cmd_none" }));
  expect(lastOf(none)?.why).toBe("this device has carried out no command cmd_none");
});

test("what the guard refuses is told with its reason, and not a step is done", async () => {
  const command = await give(
    order({ action: "kill-process-tree", process: { pid: process.pid, startedAt: "1" }, executable: "/x" }),
  );
  expect(lastOf(command)).toMatchObject({
    state: "refused",
    why: "agent and sensor are never killed by an order",
    steps: [],
  });
  const shell = createHash("sha256").update(readFileSync("/bin/sh")).digest("hex") as Sha256;
  const vital = await give(order({ action: "block-digest", sha256: shell }, { confirmed: true }));
  expect(lastOf(vital)).toMatchObject({ state: "refused", why: expect.stringContaining("repaired") as string });
  expect(denied(state, Date.now())).toEqual([]);
});

test("an order whose signature does not hold is nobody's: it is in the audit, and no report is made of it", async () => {
  const body = canonicalJson(order(block));
  await actions.take(body, signWith(makeKeyPair().privateKey, commandBytes(body)));
  expect(reports()).toEqual([]);
  expect(auditEntries(state).map(({ says }) => says)).toEqual([
    "refused: it is not signed by the key of the server that this device was enrolled with",
  ]);
});

test("whoever sends orders that are none fills no audit with them", async () => {
  for (let at = 0; at < 300; at += 1) await actions.take("{}", "");
  expect(auditEntries(state)).toHaveLength(100);
  await actions.keep();
  await actions.take("{}", "");
  expect(auditEntries(state)).toHaveLength(101);
});

test("what ended long ago is forgotten, what stands is not", async () => {
  const [gone, stands] = [await give(order(block)), await give(order(block))];
  await give(order({ action: "undo", command: gone.id }));
  const journal = new Journal(state);
  journal.trim(Date.now() + 89 * 86_400_000);
  expect(journal.one(gone.id)?.state).toBe("reverted");
  new Journal(state).trim(Date.now() + 91 * 86_400_000);
  expect([journal.one(gone.id), journal.one(stands.id)?.state]).toEqual([undefined, "verified"]);
});

test("the audit is one unbroken chain, and each report names its entry", async () => {
  const command = await give(order(block));
  await give(order({ action: "undo", command: command.id }));
  const entries = auditEntries(state);
  expect(verifyChain(entries)).toMatchObject({ ok: true, count: entries.length });
  expect(entries.map(({ says }) => says.split(":")[0])).toEqual([
    "accepted",
    "executed",
    "verified",
    "accepted",
    "executed",
    "reverted",
    "verified",
  ]);
  expect(lastOf(command)?.entry?.hash).toBe(entries[5]?.hash);
  const [first, ...rest] = entries;
  const changed = first === undefined ? [] : [{ ...first, by: "eve" }, ...rest];
  expect(verifyChain(changed)).toMatchObject({ ok: false, sequence: 1 });
  expect(verifyChain(entries.toSpliced(2, 1))).toMatchObject({ ok: false, sequence: 4, why: /entry 3 is missing/ });
});

describe.skipIf(!mayMount)("a quarantine (root)", () => {
  const file = (): string => join(folder, "disk/evil");

  test("blocks and seals; undone by the server everything is back", async () => {
    const command = await give(order(quarantine()));
    expect(lastOf(command)).toMatchObject({ state: "verified", steps: [{ state: "verified" }, { state: "verified" }] });
    expect([existsSync(file()), refused]).toEqual([false, [digest]]);
    expect(standingOrders(state)).toEqual([{ id: command.id, says: `Quarantine ${file()}` }]);
    await give(order({ action: "undo", command: command.id }));
    expect([statSync(file()).mode & 0o777, refused]).toEqual([0o755, []]);
    expect(standingOrders(state)).toEqual([]);
  });

  test("is undone on the word of a person at the device, once", async () => {
    const command = await give(order(quarantine()));
    expect(await actions.release(command.id, "root")).toBe(`Undone: Quarantine ${file()}`);
    expect(lastOf(command)).toMatchObject({ state: "reverted", why: "undone on the device by root" });
    expect(auditEntries(state).at(-1)).toMatchObject({ by: "root" });
    await expect(actions.release(command.id, "root")).rejects.toMatchObject({ code: "NOT_ALLOWED" });
    await expect(actions.release("cmd_none", "root")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("that cannot seal leaves nothing half done: the block is lifted again", async () => {
    writeFileSync(file(), "other");
    const command = await give(order(quarantine()));
    expect(lastOf(command)).toMatchObject({ state: "failed", why: expect.stringContaining("other bytes") as string });
    expect(lastOf(command)?.steps.map(({ state: to }) => to)).toEqual(["undone", "failed"]);
    expect([denied(state, Date.now()), readFileSync(file(), "utf8")]).toEqual([[], "other"]);
  });

  test("that cannot be put back stays, and says why", async () => {
    const command = await give(order(quarantine()));
    writeFileSync(file(), "new");
    const undo = await give(order({ action: "undo", command: command.id }));
    expect(lastOf(undo)).toMatchObject({ state: "failed", why: expect.stringContaining("move it away") as string });
    expect(lastOf(command)?.state).toBe("verified");
    rmSync(file());
    const again = await give(order({ action: "undo", command: command.id }));
    expect([lastOf(again)?.state, lastOf(command)?.state]).toEqual(["verified", "reverted"]);
    expect(readFileSync(file(), "utf8")).toBe(bytes);
  });
});

describe("a triage bundle", () => {
  const collect: ActionOrder = { action: "collect-triage" };
  const answer = (command: string, more: Partial<Parameters<typeof noteAnswer>[1]> = {}) =>
    noteAnswer(state, { command, sha256: bundleOf(state, command)?.sha256 ?? "", kept: true, ...more });

  test("is collected, stays executed, and is verified by the server's word about these bytes", async () => {
    const command = await give(order(collect));
    const sha256 = bundleOf(state, command.id)?.sha256 ?? "";
    expect(statesOf(command)).toEqual(["accepted", "executed"]);
    expect(lastOf(command)?.steps).toMatchObject([{ state: "done", says: expect.stringContaining(sha256) as string }]);
    await actions.keep();
    await actions.heard(command.id);
    expect(lastOf(command)?.state).toBe("executed");
    expect(answer(command.id)).toBe(true);
    await actions.heard(command.id);
    expect(statesOf(command)).toEqual(["accepted", "executed", "verified"]);
    expect(auditEntries(state).at(-1)).toMatchObject({ facts: { command: command.id, sha256 } });
    // It changed nothing: nothing stands, nothing is undone.
    expect(standingOrders(state)).toEqual([]);
    const undo = await give(order({ action: "undo", command: command.id }));
    expect(lastOf(undo)).toMatchObject({ state: "failed", why: expect.stringContaining("nothing to undo") as string });
  });

  test.each([
    ["does not keep it", { kept: false, why: "it has too many bytes" }, /too many bytes/],
    ["keeps other bytes", { sha256: "00".repeat(32) }, /speaks of bytes with the digest 0000/],
  ])("has failed where the server %s", async (_what, more, why) => {
    const command = await give(order(collect));
    answer(command.id, more);
    await actions.heard(command.id);
    expect(lastOf(command)).toMatchObject({ state: "failed", why: expect.stringMatching(why) as string });
  });

  test("has failed where the server says nothing for a week", async () => {
    const command = await give(order(collect));
    state.prepare("UPDATE triage SET at = at - 8 * 86400000").run();
    await actions.heard(command.id);
    expect(lastOf(command)).toMatchObject({
      state: "failed",
      why: expect.stringContaining("never said that it keeps") as string,
    });
  });

  test("holds up no other order while it is collected", async () => {
    const [looking, blocking] = [order(collect), order(block)];
    const first = give(looking);
    await give(blocking);
    expect([lastOf(blocking)?.state, lastOf(looking)?.state]).toEqual(["verified", "accepted"]);
    await first;
    expect(lastOf(looking)?.state).toBe("executed");
  });
});
