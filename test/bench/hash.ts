import { fork, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, lstatSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import type { ScanMessage, ScanOrder } from "../../agent/inventory/scan.ts";
import { isFirstPass, scanEnvironment, scanFlags } from "../../agent/inventory/run-scan.ts";
import { benchFolder, settledState } from "./product.ts";
import type { Options, Result } from "./result.ts";
import { atMost, below, median, round } from "./result.ts";

const sampleBytes = 3e9;
const runs = 3;
const secondPasses = 5;
const scaledTo = 400_000;
const program = join(import.meta.dirname, "../../dist/agent/scan.js");

/**
 * The scanning process made to hash, judge and store a sample of this machine's executables, beside `sha256sum` over the
 * same list: one thread each, in turns, with a cold and with a warm cache. The sample is taken out of the state that a whole
 * pass left, so that a real pass finds exactly these files new. Then passes in which nothing is new.
 */
export async function run({ excluded, say }: Options): Promise<Result> {
  const settled = join(await settledState(excluded, say), "agent");
  const folder = benchFolder("hash", "anew");
  const files = sample(settled);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  say(`${files.length} executables, ${Math.round(bytes / 1e6)} MB`);
  const order: ScanOrder = { folder, excluded: [...excluded, dirname(settled)], scope: "whole" };
  const times = { ours: { cold: [], warm: [] }, theirs: { cold: [], warm: [] } } as Times;
  let canDrop = true;
  for (const cache of ["cold", "warm"] as const)
    for (let number = 1; number <= runs; number += 1) {
      say(`${cache} ${number} of ${runs}`);
      const prepare = (): void => {
        if (cache === "cold") canDrop = dropCache();
        else warm(files);
      };
      prepare();
      times.theirs[cache].push(sha256sum(files));
      forget(settled, folder, files);
      times.ours[cache].push((await scan(order, prepare)).hashing);
    }
  const again: Scan[] = [];
  for (let number = 1; number <= secondPasses; number += 1) {
    say(`second pass ${number} of ${secondPasses}`);
    again.push(await scan(order));
  }
  return report(files.length, bytes, times, again, canDrop);
}

interface Times {
  readonly ours: { readonly cold: number[]; readonly warm: number[] };
  readonly theirs: { readonly cold: number[]; readonly warm: number[] };
}

interface Sampled {
  readonly root: string;
  readonly path: string;
  readonly size: number;
}

/** Whole folders, in an order that has nothing to do with their names, as many as fit. */
function sample(settled: string): readonly Sampled[] {
  const state = new Database(join(settled, "agent.sqlite"), { readonly: true });
  const rows = state
    .prepare<[], Sampled>(
      "SELECT root, path, size FROM files WHERE digest IS NOT NULL AND root NOT LIKE 'container:%' ORDER BY root, path",
    )
    .all()
    .filter(({ root, path, size }) => !/[\\\n]/.test(path) && lstatSync(root + path, quietly)?.size === size);
  state.close();
  const folders = Map.groupBy(rows, ({ root, path }) => dirname(root + path));
  const shuffled = [...folders].toSorted(([a], [b]) => shuffle(a).localeCompare(shuffle(b)));
  const taken: Sampled[] = [];
  let left = sampleBytes;
  for (const [, files] of shuffled) {
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    if (bytes > left) continue;
    left -= bytes;
    taken.push(...files);
  }
  return taken;
}

const quietly = { throwIfNoEntry: false } as const;
const shuffle = (name: string): string => createHash("sha256").update(name).digest("hex");

/**
 * False where this user may not. Only what is written back can be dropped, hence the sync. The contents of files go; names
 * and inodes stay (2 and 3 would drop them), because the walk has just met them all: neither side is to pay for that again.
 */
function dropCache(): boolean {
  try {
    spawnSync("sync");
    writeFileSync("/proc/sys/vm/drop_caches", "1");
    return true;
  } catch {
    return false;
  }
}

const warm = (files: readonly Sampled[]): void => void sha256sum(files);

function sha256sum(files: readonly Sampled[]): number {
  const started = performance.now();
  const done = spawnSync("xargs", ["-0", "sha256sum", "-b", "--"], {
    input: files.map(({ root, path }) => root + path).join("\0"),
    maxBuffer: 1e9,
  });
  if (done.status !== 0) throw new Error(`sha256sum failed: ${done.stderr.toString().slice(0, 500)}`);
  return (performance.now() - started) / 1000;
}

/** The settled state without the sample. */
function forget(settled: string, folder: string, files: readonly Sampled[]): void {
  const source = new Database(join(settled, "agent.sqlite"));
  source.pragma("wal_checkpoint(TRUNCATE)");
  source.close();
  copyFileSync(join(settled, "agent.sqlite"), join(folder, "agent.sqlite"));
  if (existsSync(join(settled, "seen.bin"))) copyFileSync(join(settled, "seen.bin"), join(folder, "seen.bin"));
  const state = new Database(join(folder, "agent.sqlite"));
  state.pragma("journal_mode = WAL");
  state.transaction(() => {
    const row = state.prepare("DELETE FROM files WHERE root = ? AND path = ?");
    const owner = state.prepare("DELETE FROM owners WHERE root = ? AND path = ?");
    for (const { root, path } of files) {
      row.run(root, path);
      owner.run(root, path);
    }
  })();
  state.pragma("wal_checkpoint(TRUNCATE)");
  state.close();
}

interface Scan {
  /** From the start of the process to its last word. */
  readonly whole: number;
  /** From the first file to be hashed to the last one judged and stored. */
  readonly hashing: number;
  readonly hashed: number;
  readonly filesSeen: number;
}

/** One pass. `atHashing` is called while the process stands still, when the walk is over and nothing is hashed yet. */
function scan(order: ScanOrder, atHashing?: () => void): Promise<Scan> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    let hashingFrom: number | undefined;
    const child = fork(program, [], {
      execArgv: [...scanFlags(isFirstPass(order.folder))],
      env: { ...process.env, ...scanEnvironment },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    child.on("message", (message: ScanMessage) => {
      if (message.kind === "failed") return reject(new Error(message.why));
      const now = performance.now();
      if (message.kind === "done")
        return resolve({
          whole: (now - started) / 1000,
          hashing: (now - (hashingFrom ?? now)) / 1000,
          hashed: message.frame.hashed,
          filesSeen: message.frame.filesSeen,
        });
      if (message.frame.state !== "hashing" || hashingFrom !== undefined) return;
      child.kill("SIGSTOP");
      atHashing?.();
      hashingFrom = performance.now();
      child.kill("SIGCONT");
    });
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`the scan ended with ${code}`)));
    child.send(order);
  });
}

function report(count: number, bytes: number, times: Times, again: readonly Scan[], canDrop: boolean): Result {
  const { ours, theirs } = times;
  const ratio = (cache: "cold" | "warm"): number => median(ours[cache]) / median(theirs[cache]);
  const seconds = (values: readonly number[]): string => values.map((value) => value.toFixed(2)).join(", ");
  const seen = median(again.map(({ filesSeen }) => filesSeen));
  const second = median(again.map(({ whole }) => whole));
  const scaled = (second / seen) * scaledTo;
  return {
    name: "hash",
    figures: {
      executables: count,
      MB: Math.round(bytes / 1e6),
      threads: 1,
      "page cache dropped for cold runs": canDrop ? "yes" : "no: that takes root; the cold runs were warm",
      "cold: hashed, judged and stored, s": round(median(ours.cold), 2),
      "cold: sha256sum, s": round(median(theirs.cold), 2),
      "cold: ratio": round(ratio("cold"), 2),
      "cold: each run, s": `${seconds(ours.cold)} beside ${seconds(theirs.cold)}`,
      "warm: hashed, judged and stored, s": round(median(ours.warm), 2),
      "warm: sha256sum, s": round(median(theirs.warm), 2),
      "warm: ratio": round(ratio("warm"), 2),
      "warm: each run, s": `${seconds(ours.warm)} beside ${seconds(theirs.warm)}`,
      "second pass: files seen": seen,
      "second pass: files hashed, each run": again.map(({ hashed }) => hashed).join(", "),
      "second pass: s": round(second, 2),
      "second pass: each run, s": seconds(again.map(({ whole }) => whole)),
      [`second pass: s, scaled linearly to ${scaledTo} files`]: round(scaled, 2),
    },
    goals: [
      atMost("first pass from cold beside sha256sum, one thread each", 1.3, ratio("cold"), "times"),
      below(`second pass over ${scaledTo} files (${seen} measured, scaled linearly)`, 2, scaled, "s"),
    ],
  };
}
