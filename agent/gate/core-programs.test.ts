import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { corePlaces, packageManagers } from "./core-programs.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "core-places-"));
  mkdirSync(join(folder, "bin"));
  symlinkSync("bin", join(folder, "linked"));
  writeFileSync(join(folder, "bin/here"), "");
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a program of the core is named under its real name, also before an upgrade has brought it", () => {
  const names = ["linked/here", "linked/not-yet", "nowhere/not-yet"].map((path) => join(folder, path));
  const told = corePlaces(names, undefined).filter((path) => path.startsWith(folder));
  expect(told).toEqual(["bin/here", "bin/not-yet"].map((path) => join(folder, path)));
});

test("no package manager is named as a mere program of the core", () => {
  expect(corePlaces([], undefined).filter((path) => packageManagers().includes(path))).toEqual([]);
});
