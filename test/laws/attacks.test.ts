import { expect, test } from "vitest";
import { attacks } from "../attacks/families/index.ts";
import { readLimits } from "../attacks/limits.ts";
import { faultOf, rowOf } from "../attacks/rows.ts";

const names = attacks.map(({ name }) => name);
const head = "| Attack | Mode | A | B | C | Why |\n|---|---|---|---|---|---|";
const trial = { ran: true, seen: false, said: "" };

test("every attack has a name of its own and a sign that would show it", () => {
  expect(names).toEqual([...new Set(names)]);
  expect(attacks.filter(({ signs }) => signs.length === 0).map(({ name }) => name)).toEqual([]);
  expect(names.length).toBeGreaterThan(100);
});

test("docs/limitations.md lists only attacks that are tried, each mode once", () => {
  const limits = readLimits();
  expect(limits.filter(({ attack }) => !names.includes(attack))).toEqual([]);
  const listed = limits.map(({ attack, mode }) => `${attack} ${mode}`);
  expect(listed).toEqual([...new Set(listed)]);
});

test("a row that ran and is not listed is a fault; so is a listed one that no longer is true", () => {
  const limits = readLimits(`${head}\n| dlopen | block |  | seen | ran | because |\n\nand more`);
  const row = (attack: string, tier: "B" | "C", seen: boolean, ran = true) =>
    rowOf(attack, tier, "block", { ...trial, ran, seen }, limits);
  expect(row("dlopen", "B", true)).toEqual({
    attack: "dlopen",
    tier: "B",
    mode: "block",
    outcome: "seen",
    listed: true,
  });
  expect(faultOf(row("dlopen", "B", true), limits)).toBeUndefined();
  expect(faultOf(row("dlopen", "C", false), limits)).toBeUndefined();
  expect(faultOf(row("dlopen", "C", false, false), limits)).toContain("no longer true");
  expect(faultOf(row("ld-so", "B", true), limits)).toContain("does not tell of it");
  expect(faultOf(row("ld-so", "B", true, false), limits)).toBeUndefined();
  expect(faultOf(rowOf("ld-so", "B", "record", { ...trial, seen: true }, limits), limits)).toBeUndefined();
  expect(faultOf(rowOf("ld-so", "B", "record", trial, limits), limits)).toContain("ran unseen");
});

test("a row without a reason, or with a word that nobody knows, is refused", () => {
  expect(() => readLimits(`${head}\n| dlopen | block |  | seen | ran |  |`)).toThrow("has no reason");
  expect(() => readLimits(`${head}\n| dlopen | block |  | perhaps | ran | because |`)).toThrow("perhaps");
  expect(() => readLimits("nothing")).toThrow("has no table");
});
