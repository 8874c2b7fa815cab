import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import { verifyChain } from "@provost/shared/lib/chain.ts";
import type { ActionOrder } from "@provost/shared/model/command.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { ReportFrame } from "@provost/shared/protocol/response-frames.ts";
import { commandBytes } from "../../agent/actions/verify.ts";
import { auditEntries } from "../../agent/audit/append.ts";
import { denied } from "../../agent/gate/denials.ts";
import { cgroupRoot } from "../../agent/host/process.ts";
import { parseStat } from "../../agent/inventory/proc-text.ts";
import { makeKeyPair, signWith } from "../../agent/link/keys.ts";
import { lease } from "../../agent/spool/spool.ts";
import { openState, writeMeta } from "../../agent/state/state.ts";
import { bundleOf, noteAnswer } from "../../agent/triage/keep.ts";

const server = makeKeyPair();
const device = `dev_${"a".repeat(26)}`;
const bytes = "#!/bin/sh\nexit 0\n";
const digest = createHash("sha256").update(bytes).digest("hex") as Sha256;
const agent = join(import.meta.dirname, "../support/acting-agent.ts");
const groups = cgroupRoot() ?? "";
const may = process.getuid?.() === 0 && groups !== "";
const hasNft = spawnSync("nft", ["--version"]).status === 0;
const namespace = `provost-faults-${process.pid}`;

let folder: string;
let forker: string;
let count = 0;

beforeAll(() => {
  forker = join(mkdtempSync(join(tmpdir(), "provost-forker-")), "forker");
  const source = join(import.meta.dirname, "../support/programs/forker.c");
  const built = spawnSync("cc", ["-O2", "-o", forker, source], { encoding: "utf8" });
  if (built.status !== 0) throw new Error(built.stderr);
  spawnSync("ip", ["netns", "add", namespace]);
});
afterAll(() => {
  spawnSync("ip", ["netns", "delete", namespace]);
  rmSync(join(forker, ".."), { recursive: true });
});
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "provost-faults-")));
  mkdirSync(join(folder, "disk"));
  spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=755", "provost-test", join(folder, "disk")]);
});
afterEach(() => {
  spawnSync("umount", [join(folder, "disk")]);
  rmSync(folder, { recursive: true });
  spawnSync("ip", ["netns", "exec", namespace, "nft", "flush", "ruleset"]);
  for (const name of readdirSync(groups).filter((one) => one.startsWith("provost-cmd_faults") || one === scope)) {
    writeFileSync(join(groups, name, "cgroup.kill"), "1");
    for (let tries = 0; tries < 200 && existsSync(join(groups, name)); tries += 1)
      try {
        rmdirSync(join(groups, name));
      } catch {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      }
  }
});
const scope = `provost-faults-${process.pid}.scope`;

interface Scene {
  readonly state: string;
  readonly log: string;
}

/** A device of its own for each try. */
function scene(): Scene {
  count += 1;
  const place = join(folder, `device-${count}`);
  const state = openState(place);
  writeMeta(state, "device", device);
  writeMeta(state, "server-key", server.publicKey);
  writeMeta(state, "server-address", "192.0.2.77");
  state.close();
  return { state: place, log: join(folder, `log-${count}`) };
}

/** How many boundaries it passed; undefined: it was killed at one. */
function run(
  { state, log }: Scene,
  killAt: number,
  order?: { readonly id: string; readonly what: ActionOrder },
  inside: readonly string[] = [],
): number | undefined {
  const words = order === undefined ? [] : signed(order.id, order.what);
  const [program = process.execPath, ...rest] = [
    ...inside,
    process.execPath,
    "--disable-warning=ExperimentalWarning",
    agent,
    state,
    log,
    String(killAt),
    ...words,
  ];
  const done = spawnSync(program, rest, { encoding: "utf8" });
  expect(done.stderr).toBe("");
  return done.signal === "SIGKILL" || done.status === 137 ? undefined : Number(done.stdout);
}
/** A network of the test's own. Nothing else is in it: the control groups are not to be seen from there. */
const inNetwork = ["ip", "netns", "exec", namespace];

function signed(id: string, what: ActionOrder): readonly string[] {
  const body = canonicalJson({
    id,
    device,
    order: what,
    reason: "test",
    by: "ada",
    issuedAt: Date.now(),
    expires: Date.now() + 60_000,
    nonce: id,
  });
  return [body, signWith(server.privateKey, commandBytes(body))];
}

function after({ state: place, log }: Scene, id: string) {
  const state = openState(place);
  const reports = (lease(state, 0)?.frames ?? []).map((frame) => frame as ReportFrame);
  const found = {
    report: reports.findLast(({ command }) => command === id),
    ends: reports.filter((one) => one.command === id && ["verified", "failed", "refused"].includes(one.state)).length,
    denied: denied(state, Date.now()),
    chain: verifyChain(auditEntries(state)),
    log: readFileSync(log, "utf8")
      .split("\n")
      .map((line) => line.replace(/^\d+ /, "")),
  };
  state.close();
  return found;
}

/** Once a step has touched the device and that was seen, it is not begun again. */
function touchedTwice(log: readonly string[], step: string): boolean {
  const first = log.indexOf(`after ${step}`);
  return first >= 0 && log.slice(first + 1).includes(`before ${step}`);
}

async function everyBoundary(each: (killAt: number) => Promise<number | undefined>): Promise<number> {
  let killed = 0;
  for (let killAt = 0; (await each(killAt)) === undefined; killAt += 1) killed += 1;
  return killed;
}

describe.skipIf(!may)(
  "an agent that is killed at each boundary of an order goes on with it after its start (root)",
  () => {
    test("a quarantine is whole, and no step was done twice", async () => {
      const file = join(folder, "disk/evil");
      const killed = await everyBoundary(async (killAt) => {
        const here = scene();
        const id = `cmd_faults${count}`;
        writeFileSync(file, bytes, { mode: 0o755 });
        const passed = run(here, killAt, {
          id,
          what: { action: "quarantine-file", root: join(folder, "disk"), path: "/evil", sha256: digest },
        });
        if (passed === undefined) run(here, -1);
        const { report, ends, denied: refused, chain, log } = after(here, id);
        expect([killAt, report?.state, ends]).toEqual([killAt, "verified", 1]);
        expect([existsSync(file), refused, chain.ok]).toEqual([false, [digest], true]);
        expect(lstatSync(join(folder, "disk/.provost-vault", id)).mode & 0o777).toBe(0);
        expect([touchedTwice(log, "deny-digest"), touchedTwice(log, "seal-file")]).toEqual([false, false]);
        rmSync(join(folder, "disk/.provost-vault", id));
        return await Promise.resolve(passed);
      });
      expect(killed).toBeGreaterThanOrEqual(10);
    });

    test("a quarantine that cannot be done has left nothing behind", async () => {
      const file = join(folder, "disk/evil");
      writeFileSync(file, "other bytes than were ordered", { mode: 0o755 });
      const killed = await everyBoundary(async (killAt) => {
        const here = scene();
        const id = `cmd_faults${count}`;
        const passed = run(here, killAt, {
          id,
          what: { action: "quarantine-file", root: join(folder, "disk"), path: "/evil", sha256: digest },
        });
        if (passed === undefined) run(here, -1);
        const { report, denied: refused } = after(here, id);
        expect([killAt, report?.state, refused, existsSync(file)]).toEqual([killAt, "failed", [], true]);
        return await Promise.resolve(passed);
      });
      expect(killed).toBeGreaterThanOrEqual(7);
    });

    test("a block and an approval of bytes are whole, and each is told once", async () => {
      for (const [what, refused] of [
        [{ action: "block-digest", sha256: digest }, [digest]],
        [{ action: "allow-digest", sha256: digest, code: "abcdef", expires: Date.now() + 3_600_000 }, []],
      ] as const) {
        const killed = await everyBoundary(async (killAt) => {
          const here = scene();
          const id = `cmd_faults${count}`;
          const passed = run(here, killAt, { id, what });
          if (passed === undefined) run(here, -1);
          const { report, ends, denied: left, chain, log } = after(here, id);
          expect([what.action, killAt, report?.state, ends]).toEqual([what.action, killAt, "verified", 1]);
          expect([left, chain.ok]).toEqual([refused, true]);
          expect(touchedTwice(log, what.action === "block-digest" ? "deny-digest" : "allow-digest")).toBe(false);
          return await Promise.resolve(passed);
        });
        expect(killed).toBeGreaterThanOrEqual(4);
      }
    });

    test("its undoing is whole", async () => {
      const file = join(folder, "disk/evil");
      const killed = await everyBoundary(async (killAt) => {
        const here = scene();
        const id = `cmd_faults${count}`;
        writeFileSync(file, bytes, { mode: 0o755 });
        run(here, -1, {
          id,
          what: { action: "quarantine-file", root: join(folder, "disk"), path: "/evil", sha256: digest },
        });
        const passed = run(here, killAt, { id: `${id}undo`, what: { action: "undo", command: id } });
        if (passed === undefined) run(here, -1);
        expect([killAt, after(here, `${id}undo`).report?.state, after(here, id).report?.state]).toEqual([
          killAt,
          "verified",
          "reverted",
        ]);
        expect([lstatSync(file).mode & 0o777, readFileSync(file, "utf8"), after(here, id).denied]).toEqual([
          0o755,
          bytes,
          [],
        ]);
        return await Promise.resolve(passed);
      });
      expect(killed).toBeGreaterThanOrEqual(4);
    });

    test("a tree that forks all the time has no survivor", async () => {
      const killed = await everyBoundary(async (killAt) => {
        const here = scene();
        const id = `cmd_faults${count}`;
        const target = await startForker();
        const what = {
          action: "kill-process-tree",
          process: target.key,
          executable: forker,
        } as const;
        const passed = run(here, killAt, { id, what });
        if (passed === undefined) run(here, -1);
        const { report, ends, log } = after(here, id);
        expect([killAt, report?.state, ends]).toEqual([killAt, "verified", 1]);
        expect(target.running()).toEqual([]);
        expect(touchedTwice(log, "kill-processes")).toBe(false);
        target.end();
        return passed;
      });
      expect(killed).toBeGreaterThanOrEqual(10);
    });

    test("a triage bundle is told once, and verified once the server keeps it", async () => {
      const killed = await everyBoundary(async (killAt) => {
        const here = scene();
        const id = `cmd_faults${count}`;
        const passed = run(here, killAt, { id, what: { action: "collect-triage" } });
        if (passed === undefined) run(here, -1);
        const state = openState(here.state);
        const { sha256 = "" } = bundleOf(state, id) ?? {};
        const told = state.prepare(
          "SELECT count(*), count(DISTINCT json_extract(body, '$.piece')) FROM spool WHERE kind = 'triage'",
        );
        const [frames, pieces] = told.raw().get() as [number, number];
        expect([killAt, frames > 0, frames === pieces]).toEqual([killAt, true, true]);
        noteAnswer(state, { command: id, sha256, kept: true });
        state.close();
        run(here, -1);
        const { report, ends, chain } = after(here, id);
        expect([killAt, report?.state, ends, chain.ok]).toEqual([killAt, "verified", 1, true]);
        return await Promise.resolve(passed);
      });
      expect(killed).toBeGreaterThanOrEqual(5);
    });

    test.skipIf(!hasNft)("an isolation stands, again after each start, and is undone whole", async () => {
      const rules = (): string =>
        spawnSync("ip", ["netns", "exec", namespace, "nft", "list", "ruleset"], { encoding: "utf8" }).stdout;
      const killed = await everyBoundary(async (killAt) => {
        const here = scene();
        const id = `cmd_faults${count}`;
        const passed = run(
          here,
          killAt,
          { id, what: { action: "isolate-host", except: ["198.51.100.0/24"] } },
          inNetwork,
        );
        if (passed === undefined) run(here, -1, undefined, inNetwork);
        const { report, ends, log } = after(here, id);
        expect([killAt, report?.state, ends, touchedTwice(log, "cut-network")]).toEqual([killAt, "verified", 1, false]);
        expect(rules()).toContain("ip daddr { 192.0.2.77, 198.51.100.0/24 } accept");
        spawnSync("ip", ["netns", "exec", namespace, "nft", "flush", "ruleset"]);
        run(here, -1, undefined, inNetwork);
        expect(rules()).toContain("policy drop");
        run(here, -1, { id: `${id}undo`, what: { action: "undo", command: id } }, inNetwork);
        expect([after(here, id).report?.state, rules()]).toEqual(["reverted", ""]);
        return await Promise.resolve(passed);
      });
      expect(killed).toBeGreaterThanOrEqual(6);
    });
  },
);

/** A tree in a group of the test's own. */
async function startForker() {
  const group = join(groups, scope);
  mkdirSync(group, { recursive: true });
  const child = spawn("sh", ["-c", `echo $$ > ${group}/cgroup.procs; exec ${forker} hop 4`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  const pid = Number(said.toString());
  const ticks = parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"))?.startTicks ?? 0;
  const membersOf = (): readonly number[] =>
    readFileSync(join(group, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
  return {
    key: { pid, startedAt: String(BigInt(ticks) * 10_000_000n + 5n) },
    /** Who is in the tree still, beside the one that only takes in whoever lost a parent. */
    running: () => membersOf().filter((one) => one !== child.pid),
    end: () => child.kill("SIGKILL"),
  };
}
