import { expect, test } from "vitest";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { exitOf, exitOfError, worst } from "./exit-codes.ts";
import type { ExitCode } from "./exit-codes.ts";

test.each([
  ["proven", 0],
  ["signed", 0],
  ["refuted", 1],
  ["unproven", 3],
  ["unchecked", 4],
] as const)("%s ends with %d", (standing, code) => {
  expect(exitOf(standing)).toBe(code);
});

test.each<readonly [string, readonly ExitCode[], ExitCode]>([
  ["nothing asked is as wanted", [], 0],
  ["all signed", [0, 0], 0],
  ["one unproven among signed", [0, 3, 0], 3],
  ["unchecked outranks unproven", [3, 4], 4],
  ["refuted outranks everything", [4, 2, 6, 1, 0], 1],
  ["only a missing file", [2], 2],
  ["only missing files", [2, 2], 2],
  ["only a file this user may not read", [6], 6],
  ["a missing file beside an answer is a partial answer", [0, 2], 7],
  ["two different failures are a partial answer", [2, 6], 7],
  ["a file not read hides no weaker standing than itself", [6, 4], 7],
])("%s", (_name, codes, code) => {
  expect(worst(codes)).toBe(code);
});

test.each([
  [new AppError("NOT_FOUND", ""), 2],
  [new AppError("CONFIG_INVALID", ""), 2],
  [new AppError("STATE_NEWER", ""), 2],
  [new AppError("STATE_UNUSABLE", ""), 2],
  [new AppError("STATE_UNUSABLE", "", { cause: Object.assign(new Error(""), { code: "EACCES" }) }), 6],
  [new AppError("STATE_UNUSABLE", "", { cause: Object.assign(new Error(""), { code: "SQLITE_CANTOPEN" }) }), 6],
  [new AppError("SCAN_FAILED", ""), 7],
])("an error's code and cause choose the exit code: %s -> %d", (error, code) => {
  expect(exitOfError(error)).toBe(code);
});
