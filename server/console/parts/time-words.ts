/** "2026-11-22 20:13:01 UTC". */
export function absolute(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "unknown time" : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A page's clock moves each `tickMs`: what happened since it last did has not happened in the future. */
export const nowFor = (at: number, clock: number, tickMs: number): number =>
  at > clock && at - clock <= tickMs ? at : clock;

/** "3 min ago", "in 9 min"; within five seconds "now", whichever clock is ahead. */
export function relative(at: number, now: number): string {
  const seconds = Math.round(Math.abs(now - at) / 1000);
  if (seconds < 5) return "now";
  const amount = span(seconds);
  return at > now ? `in ${amount}` : `${amount} ago`;
}

/** How long something took or lasted. */
export function span(seconds: number): string {
  const unit = units.find(({ from }) => seconds >= from);
  return unit === undefined ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / unit.size)} ${unit.word}`;
}

const day = 86_400;
const units = [
  { from: 2 * 365 * day, size: 365 * day, word: "years" },
  { from: 60 * day, size: 30 * day, word: "months" },
  { from: 2 * day, size: day, word: "days" },
  { from: 3600, size: 3600, word: "h" },
  { from: 60, size: 60, word: "min" },
] as const;
