/** Parts of a time as Sigma's time modifiers name them. No conversion between zones: a time says what its text says. */
import { unreachable } from "@provost/shared/lib/unreachable.ts";
export const timeParts = ["minute", "hour", "day", "week", "month", "year"] as const;
export type TimePart = (typeof timeParts)[number];

const written = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::\d{2}(?:[.,]\d+)?)?)?/;

/** Of a text such as `2026-11-26 02:31:00` or `2026-11-26T02:31Z`, or of milliseconds since 1970, in UTC. */
export function timePart(value: string | number, part: TimePart): number | undefined {
  const text = typeof value === "number" ? textOf(value) : value;
  const [whole, year, month, day, hour, minute] = written.exec(text) ?? [];
  if (whole === undefined) return undefined;
  switch (part) {
    case "year":
      return Number(year);
    case "month":
      return Number(month);
    case "day":
      return Number(day);
    case "hour":
      return hour === undefined ? undefined : Number(hour);
    case "minute":
      return minute === undefined ? undefined : Number(minute);
    case "week":
      return weekOf(Number(year), Number(month), Number(day));
    default:
      return unreachable(part);
  }
}

function textOf(milliseconds: number): string {
  return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString() : "";
}

/** ISO 8601: the week belongs to the year of its Thursday. */
function weekOf(year: number, month: number, day: number): number {
  const date = new Date(Date.UTC(year, month - 1, day));
  const weekday = (date.getUTCDay() + 6) % 7;
  date.setUTCDate(date.getUTCDate() - weekday + 3);
  const first = Date.UTC(date.getUTCFullYear(), 0, 1);
  return Math.floor((date.getTime() - first) / (7 * 86_400_000)) + 1;
}
