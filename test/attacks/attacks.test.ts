import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readLimits } from "./limits.ts";
import { faultOf } from "./rows.ts";
import { attackTier, cannotAttack } from "./suite.ts";

const cannot = cannotAttack();
if (cannot !== undefined) process.stderr.write(`the attacks are left out: ${cannot}\n`);

/** What nobody would forgive: each is stopped at tier B, whatever the page may say. */
const never = [
  ["direct-elf", "script", "sh-script", "memfd-fexecve", "unlinked", "ld-so", "dlopen", "ld-preload"],
  ["overlay-lower", "overlay-upper", "bind-mount", "mount-namespace", "tmpfs", "user-namespace"],
  ["rewrite-in-place", "rewrite-mmap-store", "rewrite-rename", "rewrite-exchange", "race-write", "race-mmap"],
].flat();

describe.skipIf(cannot !== undefined)("what nobody has verified does not run", () => {
  const scratch = cannot === undefined ? mkdtempSync(join(tmpdir(), "provost-attacks-")) : "";
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
  const limits = readLimits();
  const attack = (tier: "B" | "C") => attackTier({ tier, only: "", limits, scratch, tell: () => undefined });

  test("tier B: every row is blocked, seen or listed; the worst are blocked", async () => {
    const { rows, skipped } = await attack("B");
    expect(rows.map((row) => faultOf(row, limits)).filter((fault) => fault !== undefined)).toEqual([]);
    const through = rows
      .filter(({ mode, outcome }) => mode === "block" && outcome !== "blocked")
      .map((row) => row.attack);
    expect(never.filter((name) => through.includes(name))).toEqual([]);
    // Left out would look like blocked.
    expect(never.filter((name) => !rows.some((row) => row.attack === name))).toEqual([]);
    expect(skipped.filter(({ why }) => why.startsWith("it does not work"))).toEqual([]);
  }, 600_000);

  test("tier C: every row is blocked, seen or listed", async () => {
    const { rows } = await attack("C");
    expect(rows.map((row) => faultOf(row, limits)).filter((fault) => fault !== undefined)).toEqual([]);
    expect(rows.length).toBeGreaterThan(200);
  }, 600_000);
});
