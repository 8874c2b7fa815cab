import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { IndicatorSet } from "./indicator-set.ts";
import { readIndicators } from "./read-indicators.ts";

const lookEveryMs = 60_000;

/**
 * The owner's folders of indicators, read again when a file in it changes. What cannot be read, or in which nothing can be matched,
 * leaves what was there.
 */
export function followIndicators(
  folders: readonly string[],
  use: (set: IndicatorSet) => void,
  log: (line: string) => void,
  now: () => number,
  everyMs = lookEveryMs,
): () => void {
  let seen = "";
  let isReading = false;
  let isClosed = false;
  const look = async (): Promise<void> => {
    if (isReading) return;
    isReading = true;
    try {
      const stamp = folders.map(stampOf).join("\n");
      if (stamp === seen) return;
      const { set, unmatched, problems } = await readIndicators(folders, now());
      if (isClosed) return;
      seen = stamp;
      for (const problem of problems) log(`indicators: ${problem}`);
      if (set.size === 0 && unmatched + problems.length > 0)
        return log(`indicators: nothing in ${folders.join(" and ")} can be matched; what was known stays`);
      use(set);
      log(
        `indicators: ${set.size} from ${folders.join(" and ")}${unmatched === 0 ? "" : `; ${unmatched} cannot be matched`}`,
      );
    } catch (cause) {
      log(`indicators: ${cause instanceof Error ? cause.message : String(cause)}; what was known stays`);
    } finally {
      isReading = false;
    }
  };
  void look();
  const timer = setInterval(() => void look(), everyMs);
  return () => {
    isClosed = true;
    clearInterval(timer);
  };
}

/**
 * Lists are too long to be read each minute only to see that they are the same: who changes one changes its change time, and who adds
 * to a folder that of the folder.
 */
const stampOf = (folder: string): string => readdirSync(folder).toSorted().map(stampIn(folder)).join("\n");

const stampIn =
  (folder: string) =>
  (name: string): string => {
    const { dev, ino, size, ctimeMs } = statSync(join(folder, name));
    return `${name} ${dev}:${ino}:${size}:${ctimeMs}`;
  };
