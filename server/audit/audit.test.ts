import { expect, test } from "vitest";
import type { NewEntry } from "./audit-store.ts";
import { openAudit } from "./audit.ts";

test("what is noted is bounded, timed and told to whoever looks", () => {
  const kept: NewEntry[] = [];
  let told = 0;
  const audit = openAudit(
    { append: (entry) => void kept.push(entry) },
    () => 7,
    () => (told += 1),
  );
  audit.note("token", "a".repeat(300), "s".repeat(3000), { reason: "r".repeat(3000) });
  expect(kept).toEqual([
    { at: 7, kind: "token", by: "a".repeat(200), says: "s".repeat(2000), facts: { reason: "r".repeat(2000) } },
  ]);
  expect(told).toBe(1);
});

test("what cannot be written is an error of whoever does it", () => {
  const full = (): never => {
    throw new Error("database or disk is full");
  };
  expect(() => openAudit({ append: full }, Date.now, () => undefined).note("token", "ada", "Made a token")).toThrow(
    /full/,
  );
});
