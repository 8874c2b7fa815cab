import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parseStat } from "../inventory/proc-text.ts";
import { cgroupRoot, freezeTree, homeOf, isFrozen, isSame, killGroup, survivors, thawGroup } from "./process.ts";
import type { ProcessTarget } from "./process.ts";

const root = cgroupRoot();
const may = process.getuid?.() === 0 && root !== undefined;
const scratch = mkdtempSync(join(tmpdir(), "provost-process-"));
const forker = join(scratch, "forker");
const groups: string[] = [];
let count = 0;

const nextId = (): string => {
  count += 1;
  return `test_${process.pid}_${count}`;
};
/** A group that the test made; a service has one that is named so. */
function ownGroup(isService: boolean): string {
  const group = join(root ?? "", `provost-${nextId()}${isService ? ".scope" : ""}`);
  mkdirSync(group);
  groups.push(group);
  return group;
}

beforeAll(() => {
  const source = join(import.meta.dirname, "../../test/support/programs/forker.c");
  const built = spawnSync("cc", ["-O2", "-o", forker, source], { encoding: "utf8" });
  if (built.status !== 0) throw new Error(built.stderr);
});
afterEach(end);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs the program in a group of its own, so that whatever a test leaves is found. Its first process is of the tree, the reaper is not. */
async function start(mode: "hop" | "bomb", many: number, group = ownGroup(false)): Promise<ProcessTarget> {
  const child = spawn("sh", ["-c", `echo $$ > ${group}/cgroup.procs; exec ${forker} ${mode} ${many}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  reaper = child.pid ?? 0;
  return targetOf(Number(said.toString()));
}
let reaper = 0;

function targetOf(pid: number): ProcessTarget {
  const stat = parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  // The sensor tells nanoseconds that lie somewhere in the kernel's tick.
  return { pid, startedAt: String(BigInt(stat?.startTicks ?? 0) * 10_000_000n + 1234n) };
}

/** Everyone who runs the test's own program. */
const running = (): readonly number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && nameOf(pid) === "forker");
function nameOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).startsWith("Z") ? undefined : parseStat(text)?.name;
  } catch {
    return undefined;
  }
}

/** Takes what is left of the last try. */
function end(): void {
  for (const group of groups.splice(0)) {
    if (!existsSync(group)) continue;
    writeFileSync(join(group, "cgroup.kill"), "1");
    for (let tries = 0; tries < 200 && existsSync(group); tries += 1)
      try {
        rmdirSync(group);
      } catch {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      }
  }
}

const nobody = (): readonly number[] => [];
const sparesNone = (): boolean => false;

describe.skipIf(!may)("a process tree (root, control groups of version 2)", () => {
  test.each([
    ["by the session it opened", false],
    ["by the service that it is", true],
  ])(
    "whose members change their numbers all the time has no survivor in 50 tries, known %s",
    async (_how, isService) => {
      for (let attempt = 0; attempt < 50; attempt += 1) {
        const target = await start("hop", 8, ownGroup(isService));
        const id = nextId();
        groups.push(join(root ?? "", `provost-${id}`));
        const { caught } = freezeTree(id, target, nobody, sparesNone, homeOf(target, sparesNone));
        expect(caught).toBeGreaterThan(1);
        killGroup(id);
        expect(survivors(id)).toEqual([]);
        expect(running().filter((pid) => pid !== reaper)).toEqual([]);
        end();
        expect(isSame(target)).toBe(false);
      }
    },
    120_000,
  );

  test("that doubles is caught whole, in bounded time", async () => {
    const target = await start("bomb", 400);
    const id = nextId();
    groups.push(join(root ?? "", `provost-${id}`));
    const began = Date.now();
    const { caught } = freezeTree(id, target, nobody, sparesNone);
    expect(Date.now() - began).toBeLessThan(8000);
    expect(caught).toBeGreaterThan(0);
    killGroup(id);
    expect(running().filter((pid) => pid !== reaper)).toEqual([]);
  }, 60_000);

  test("goes on after it was frozen and let go", async () => {
    const target = await start("hop", 2);
    const id = nextId();
    groups.push(join(root ?? "", `provost-${id}`));
    freezeTree(id, target, nobody, sparesNone);
    expect(isFrozen(id)).toBe(true);
    const before = running();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(running()).toEqual(before);
    thawGroup(id);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(running()).not.toEqual(before);
    expect(isSame(target)).toBe(true);
  });

  test("is not touched where its number belongs to another process now", async () => {
    const target = await start("hop", 2);
    const other = { pid: target.pid, startedAt: String(BigInt(target.startedAt) - 50_000_000n) };
    // A child of the number's new holder must not pass for a child of its old one.
    const id = nextId();
    groups.push(join(root ?? "", `provost-${id}`));
    expect(() => freezeTree(id, other, nobody, sparesNone)).toThrow(/has ended/);
    expect(isSame(target)).toBe(true);
    expect(existsSync(join(root ?? "", `provost-${id}`))).toBe(false);
  });

  test("is found by what the sensor told, where its first process has ended", async () => {
    const target = await start("hop", 1);
    const child = spawn("sleep", ["30"], { detached: true, stdio: "ignore" });
    const gone = { pid: 4_000_000, startedAt: target.startedAt };
    const id = nextId();
    groups.push(join(root ?? "", `provost-${id}`));
    expect(freezeTree(id, gone, () => [child.pid ?? 0], sparesNone)).toEqual({ caught: 1 });
    const ended = once(child, "exit");
    killGroup(id);
    await ended;
    expect(isSame(target)).toBe(true);
  });

  test("leaves alone whoever is spared, and what lives in the kernel", async () => {
    const target = await start("hop", 1);
    const id = nextId();
    groups.push(join(root ?? "", `provost-${id}`));
    expect(() => freezeTree(id, target, nobody, () => true)).toThrow(/has ended/);
    expect(isSame(target)).toBe(true);
    expect(() => freezeTree(id, targetOf(2), nobody, sparesNone)).toThrow(/lives in the kernel/);
  });
});
