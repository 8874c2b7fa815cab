import { hash } from "node:crypto";
import { createWriteStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { readIndicators } from "@provost/server/intel/read-indicators.ts";
import type { Options, Result } from "./result.ts";
import { atMost, round } from "./result.ts";

const defaultLines = 5_000_000;
/** Of so many lines one is nothing that can be matched. */
const oneBadIn = 10;
const lookups = 100_000;

/**
 * One list of indicators as long as nobody should hand out: digests, every tenth line something that cannot be matched. Read as the server
 * reads the owner's folder, in its process, which meanwhile has to answer others.
 */
export async function run({ say, size = defaultLines }: Options): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "provost-bench-indicators-"));
  try {
    say(`writing a list of ${size} lines`);
    const file = join(folder, "feed.txt");
    await writeList(file, size);
    const before = process.memoryUsage().rss;
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const started = performance.now();
    say("reading it");
    const { set, unmatched, problems } = await readIndicators([folder], Date.now());
    const seconds = (performance.now() - started) / 1000;
    delay.disable();
    const { rss } = process.memoryUsage();
    const asked = performance.now();
    let missing = 0;
    for (let at = 0; at < lookups; at += 1) if (set.digest(digestOf((at * 7919) % size)) === undefined) missing += 1;
    const perLookup = ((performance.now() - asked) * 1000) / lookups;
    const bad = Math.ceil(size / oneBadIn);
    return {
      name: "indicators",
      figures: {
        lines: size,
        "megabytes of the file": round(statSync(file).size / 1e6),
        "seconds to read it": round(seconds),
        "lines a second": Math.round(size / seconds),
        "memory before, MB": round(before / 1e6),
        "microseconds for a lookup, the digest's own making included": round(perLookup, 2),
        problems: problems.join("; "),
      },
      goals: [
        atMost("resident memory with it", 640, rss / 1e6, "MB"),
        atMost("the longest moment in which nobody else is answered", 500, delay.max / 1e6, "ms"),
        atMost("lines that cannot be matched and were not counted", 0, Math.abs(bad - unmatched), "lines"),
        atMost("looked up and not found though listed", 0, missing - expectedMissing(size), "digests"),
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const digestOf = (at: number): string => hash("sha256", String(at));
const isBad = (at: number): boolean => at % oneBadIn === 0;
/** Of the lookups those that ask for a line which was none. */
const expectedMissing = (size: number): number =>
  Array.from({ length: lookups }, (_, at) => (at * 7919) % size).filter(isBad).length;

async function writeList(file: string, lines: number): Promise<void> {
  const out = createWriteStream(file);
  for (let at = 0; at < lines; at += 1000) {
    const piece = Array.from({ length: Math.min(1000, lines - at) }, (_, more) =>
      isBad(at + more) ? `not an indicator! ${at + more}` : digestOf(at + more),
    );
    if (!out.write(`${piece.join("\n")}\n`)) await once(out, "drain");
  }
  out.end();
  await once(out, "close");
}
