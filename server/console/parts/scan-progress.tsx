import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { count, counted } from "./number-words.ts";
import { span } from "./time-words.ts";
import { useNow } from "./time.tsx";

export type Scan = Answer<"devices">["rows"][number]["scan"];

/** What a device's inventory is doing now, in words and, where there is an end to see, as a bar. */
export function ScanProgress({ scan, label }: { readonly scan: Scan; readonly label: string }) {
  const now = useNow();
  const part = scanShare(scan);
  return (
    <div>
      <p className="flex flex-wrap justify-between gap-x-3 text-sm">
        <span className="font-medium">{scanWords[scan.state]}</span>
        <span className="text-soft tabular-nums">{scanDetail(scan, now)}</span>
      </p>
      {running(scan) ? <Progress label={`${label}: ${scanWords[scan.state]}`} part={part} /> : undefined}
      {scan.says === undefined ? undefined : <p className="mt-1 text-xs text-soft">{scan.says}</p>}
    </div>
  );
}

/** The same on one line of a list. */
export function ScanLine({ scan, label }: { readonly scan: Scan; readonly label: string }) {
  const words = scanWords[scan.state];
  const part = scanShare(scan);
  return (
    <span className="flex items-center gap-2.5">
      <span className="shrink-0 font-medium">
        {part === undefined ? words : `${words}, ${Math.floor(part * 100)}%`}
      </span>
      <span className="min-w-8 grow [&>progress]:mt-0">
        <Progress label={`${label}: ${words}`} part={part} />
      </span>
    </span>
  );
}

/** A bar toward a known end, or one that says only that work goes on. */
export function Progress({ label, part }: { readonly label: string; readonly part: number | undefined }) {
  return part === undefined ? (
    <progress className="progress mt-1.5 animate-pulse" aria-label={label} />
  ) : (
    <progress className="progress mt-1.5" aria-label={label} max={1} value={part} />
  );
}

export const running = (scan: Scan): boolean =>
  scan.state === "walking" || scan.state === "hashing" || scan.state === "proving";

/** How far the hashing is. Walking and proving have no end that is known before. */
export function scanShare(scan: Scan): number | undefined {
  if (scan.state === "done") return 1;
  if (scan.state !== "hashing" || scan.toHash <= 0) return undefined;
  return Math.min(1, scan.hashed / scan.toHash);
}

export function scanDetail(scan: Scan, now: number): string {
  const took =
    scan.startedAt === undefined ? "" : ` · ${span(Math.max(0, (scan.endedAt ?? now) - scan.startedAt) / 1000)}`;
  switch (scan.state) {
    case "never":
      return "";
    case "walking":
      return `${counted(scan.filesSeen, "file")} seen${took}`;
    case "hashing":
      return `${count(scan.hashed)} of ${count(scan.toHash)} hashed${took}`;
    case "proving":
    case "done":
    case "failed":
      return `${counted(scan.executables, "executable")}, ${counted(scan.filesSeen, "file")} seen${took}`;
    default:
      return unreachable(scan.state);
  }
}

const scanWords: Readonly<Record<Scan["state"], string>> = {
  never: "Not scanned yet",
  walking: "Reading the disk",
  hashing: "Hashing",
  proving: "Proving",
  done: "Scanned",
  failed: "The scan failed",
};
