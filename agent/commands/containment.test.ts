import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import type { ActionOrder } from "@provost/shared/model/command.ts";
import { runProvost, type Ran } from "../../test/support/run-provost.ts";
import type { Actions } from "../actions/run.ts";
import { openActions } from "../actions/start.ts";
import { commandBytes } from "../actions/verify.ts";
import { openControl } from "../gate/control.ts";
import { makeKeyPair, signWith } from "../link/keys.ts";
import type { State } from "../state/state.ts";
import { openState, writeMeta } from "../state/state.ts";

const server = makeKeyPair();
const device = `dev_${"a".repeat(26)}`;
const bytes = "#!/bin/sh\nexit 0\n";
const digest = createHash("sha256").update(bytes).digest("hex");
const mayMount = process.getuid?.() === 0;

let folder: string;
let state: State;
let actions: Actions;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "provost-orders-")));
  state = openState(join(folder, "state"));
  writeMeta(state, "device", device);
  writeMeta(state, "server-key", server.publicKey);
  actions = openActions(
    state,
    () => undefined,
    () => undefined,
  );
});
afterEach(() => {
  state.close();
  spawnSync("umount", [join(folder, "disk")]);
  rmSync(folder, { recursive: true });
});

async function give(id: string, order: ActionOrder): Promise<void> {
  const [issuedAt, expires] = [Date.now(), Date.now() + 60_000];
  const body = canonicalJson({
    id,
    device,
    order,
    reason: "seen in an incident",
    by: "ada",
    issuedAt,
    expires,
    nonce: id,
  });
  await actions.take(body, signWith(server.privateKey, commandBytes(body)));
}
const provost = (...words: readonly string[]): Promise<Ran> =>
  runProvost([...words, "--state", join(folder, "state")], {
    cwd: folder,
    env: { PROVOST_CONTROL: join(folder, "control"), SUDO_USER: "grace" },
  });
const block = { action: "block-digest", sha256: digest } as ActionOrder;

describe("an exported audit", () => {
  let lines: readonly string[];
  beforeEach(async () => {
    await give("cmd_1", block);
    await give("cmd_2", { action: "undo", command: "cmd_1" });
    lines = (await provost("audit", "export")).out.trim().split("\n");
  });
  const check = (text: readonly string[], ...more: readonly string[]): Promise<Ran> => {
    writeFileSync(join(folder, "audit"), text.map((line) => `${line}\n`).join(""));
    return provost("audit", "verify", "audit", ...more);
  };
  const lastHash = (): string => (JSON.parse(lines.at(-1) ?? "") as { hash: string }).hash;

  test("is verified by the file alone", async () => {
    const ran = await check(lines);
    expect([ran.code, ran.out]).toEqual([0, expect.stringContaining("audit: 7 entries, unbroken.")]);
    expect(await check(lines, "--last", lastHash())).toMatchObject({ code: 0 });
    const json = await check(lines, "--json");
    expect(JSON.parse(json.out)).toEqual({ file: "audit", unbroken: true, entries: 7, last: lastHash() });
  });

  test.each<[string, (all: readonly string[]) => readonly string[], RegExp]>([
    ["a changed word", (all) => all.map((line) => line.replace("ada", "eve")), /entry 1: its hash does not follow/],
    ["a missing entry", (all) => all.toSpliced(3, 1), /line 4, entry 5: entry 4 is missing before it/],
    ["a missing beginning", (all) => all.slice(1), /entry 2: entry 1 is missing/],
    ["two entries exchanged", ([a = "", b = "", ...rest]) => [b, a, ...rest], /entry 2: entry 1 is missing/],
    [
      "an entry in between",
      (all) => all.toSpliced(2, 0, all[1] ?? ""),
      /line 3, entry 2: entry 3 belongs in its place/,
    ],
    ["a line that is no entry", (all) => all.toSpliced(2, 0, "{}"), /line 3: it is no entry/],
    [
      "a member that nobody knows",
      (all) => all.with(0, (all[0] ?? "").replace("{", '{"more":1,')),
      /line 1: it is no entry/,
    ],
    ["bytes that are no text", (all) => all.with(1, "\u0000"), /line 2: it is no entry/],
    ["a line without an end", (all) => [...all, "x".repeat(100_000)], /line 8: it is longer/],
  ])("with %s is refuted, with the place", async (_what, change, why) => {
    const ran = await check(change(lines));
    expect([ran.code, ran.out]).toEqual([1, expect.stringMatching(why)]);
  });

  test("that was cut off is refuted where its last line is not whole, or the last hash is known", async () => {
    writeFileSync(join(folder, "audit"), lines.join("\n").slice(0, -5));
    expect(await provost("audit", "verify", "audit")).toMatchObject({ code: 1 });
    expect(await check(lines.slice(0, -1))).toMatchObject({
      code: 0,
      out: expect.stringContaining("--last") as string,
    });
    expect(await check(lines.slice(0, -1), "--last", lastHash())).toMatchObject({ code: 1 });
  });

  test("that is not there, and a hash that is none, are told apart from one that is broken", async () => {
    expect(await provost("audit", "verify", "none")).toMatchObject({ code: 6 });
    expect(await provost("audit", "verify", "audit", "--last", "x")).toMatchObject({ code: 2 });
  });
});

test("status names what is in force", async () => {
  expect((await provost("status")).out).not.toContain("In force");
  await give("cmd_1", block);
  expect((await provost("status")).out).toContain(
    `In force: Block files with the digest ${digest.slice(0, 12)} (cmd_1).`,
  );
  expect(JSON.parse((await provost("status", "--json")).out)).toMatchObject({ orders: [{ id: "cmd_1" }] });
});

test("nothing sealed is said; what is not sealed cannot be restored", async () => {
  expect((await provost("quarantine", "list")).out).toBe("Nothing is sealed on this device.\n");
  expect(await provost("quarantine", "restore", "cmd_1")).toMatchObject({
    code: 2,
    err: expect.stringContaining("provost quarantine list") as string,
  });
});

describe.skipIf(!mayMount)("a sealed file (root)", () => {
  test("is listed with who ordered it and why, and put back by the running agent", async () => {
    const disk = join(folder, "disk");
    mkdirSync(disk);
    spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=755", "provost-test", disk]);
    writeFileSync(join(disk, "evil"), bytes, { mode: 0o755 });
    await give("cmd_1", { action: "quarantine-file", root: disk, path: "/evil", sha256: digest } as ActionOrder);
    expect(existsSync(join(disk, "evil"))).toBe(false);
    const listed = await provost("quarantine", "list");
    expect(listed.out).toMatch(
      /cmd_1 {2}\/.*\/evil\n {2}SHA-256 [0-9a-f]{64}\n {2}ordered .* by ada: seen in an incident/,
    );
    expect(JSON.parse((await provost("quarantine", "list", "--json")).out)).toMatchObject({
      command: "cmd_1",
      by: "ada",
    });
    const asked = await provost("quarantine", "restore", "cmd_1");
    expect(asked).toMatchObject({ code: 2, err: expect.stringContaining("no agent") as string });

    const control = openControl(join(folder, "control"), async (question) =>
      question.ask === "release"
        ? { ok: true, says: await actions.release(question.command, question.owner) }
        : { ok: false, code: "CONFIG_INVALID", why: "not asked here" },
    );
    try {
      await waitUntil(() => existsSync(join(folder, "control/owner.sock")));
      const restored = await provost("quarantine", "restore", join(disk, "evil"));
      expect([restored.code, restored.out]).toEqual([0, `Undone: Quarantine ${join(disk, "evil")}\n`]);
    } finally {
      control.close();
    }
    expect(readFileSync(join(disk, "evil"), "utf8")).toBe(bytes);
    expect((await provost("audit", "export")).out).toContain('"by":"grace","says":"reverted: Quarantine');
    expect((await provost("quarantine", "list")).out).toContain("Nothing is sealed");
  });
});

async function waitUntil(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 2));
}
