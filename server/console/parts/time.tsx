import { useSyncExternalStore } from "react";
import { absolute, nowFor, relative } from "./time-words.ts";

/** An absolute UTC time with how long ago beside it. */
export function Time({ at, brief = false }: { readonly at: number; readonly brief?: boolean }) {
  const now = nowFor(at, useNow(), tickMs);
  const exact = absolute(at);
  if (brief)
    return (
      <time dateTime={isoOf(at)} title={exact} className="tabular-nums whitespace-nowrap">
        {relative(at, now)}
      </time>
    );
  return (
    <time dateTime={isoOf(at)} className="tabular-nums">
      <span className="whitespace-nowrap">{exact}</span>{" "}
      <span className="whitespace-nowrap text-soft">· {relative(at, now)}</span>
    </time>
  );
}

/** The time of day to half a minute, one clock for the whole page. */
export const useNow = (): number => useSyncExternalStore(watchClock, readClock);

const tickMs = 30_000;
let shown = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const watchers = new Set<() => void>();

function watchClock(tell: () => void): () => void {
  watchers.add(tell);
  timer ??= setInterval(() => {
    shown = Date.now();
    for (const each of watchers) each();
  }, tickMs);
  return () => {
    watchers.delete(tell);
    if (watchers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function readClock(): number {
  // Without a running timer nobody moves the clock; a page drawn now must not read an old one.
  if (timer === undefined && Date.now() - shown > tickMs) shown = Date.now();
  return shown;
}

const isoOf = (at: number): string | undefined => {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
};
