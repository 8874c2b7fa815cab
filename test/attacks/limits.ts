import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Tier } from "../../shared/model/gate.ts";
import type { Mode, Outcome } from "./rows.ts";

/** A row of the table in docs/limitations.md: what gets past, where, and why. */
export interface Limit {
  readonly attack: string;
  readonly mode: Mode;
  readonly at: Readonly<Record<"A" | "B" | "C", Outcome | "sometimes" | undefined>>;
  readonly why: string;
}

const page = join(import.meta.dirname, "../../docs/limitations.md");
const head = "| Attack | Mode | A | B | C | Why |";

/** The page is read, not a copy of it: what it says and what happens cannot part. */
export function readLimits(text = readFileSync(page, "utf8")): readonly Limit[] {
  const lines = text.split("\n");
  const start = lines.indexOf(head);
  if (start === -1) throw new Error(`docs/limitations.md has no table that begins with "${head}"`);
  const rows = lines.slice(start + 2);
  const end = rows.findIndex((line) => !line.startsWith("|"));
  return (end === -1 ? rows : rows.slice(0, end)).map(readLimit);
}

function readLimit(line: string): Limit {
  const [attack, mode, a, b, c, why] = line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
  if (attack === undefined || why === undefined || why === "")
    throw new Error(`this row of the table has no reason: ${line}`);
  if (mode !== "block" && mode !== "record")
    throw new Error(`the mode of ${attack} is "${mode}", neither block nor record`);
  return { attack, mode, at: { A: cell(a, line), B: cell(b, line), C: cell(c, line) }, why };
}

function cell(text: string | undefined, line: string): Outcome | "sometimes" | undefined {
  if (text === "") return undefined;
  if (text === "ran" || text === "seen" || text === "sometimes") return text;
  throw new Error(`"${text}" is neither ran, seen, sometimes nor empty: ${line}`);
}

export const limitFor = (limits: readonly Limit[], attack: string, tier: Tier, mode: Mode): Limit["at"]["A"] =>
  tier === "P" ? undefined : limits.find((limit) => limit.attack === attack && limit.mode === mode)?.at[tier];
