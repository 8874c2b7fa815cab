import { expect, test } from "vitest";
import type { Sha256 } from "../model/ids.ts";
import { requirePackage } from "./expected-package.ts";
import type { PackageName } from "./subject.ts";

const sha256 = "a".repeat(64) as Sha256;
const statement = (name: string) =>
  ({
    version: "1",
    predicateType: "t",
    predicate: {},
    subjects: [
      { name: "pkg:npm/decoy@1", digest: { sha256: "b".repeat(64) } },
      { name, digest: { sha256 } },
    ],
  }) as const;

test.each<readonly [string, Partial<PackageName>, boolean]>([
  ["pkg:npm/a@1.0.0", { ecosystem: "npm", name: "a", version: "1.0.0" }, true],
  ["pkg:npm/%40s/a@1.0.0", { ecosystem: "npm", name: "@s/a" }, true],
  ["pkg:npm/@s/a@1.0.0%2Bb", { ecosystem: "npm", name: "@s/a", version: "1.0.0+b" }, true],
  ["pkg:npm/a@1.0.0", { ecosystem: "npm", name: "a", version: "1.0.1" }, false],
  ["pkg:npm/a@1.0.0", { ecosystem: "npm", name: "A" }, false],
  ["pkg:npm/a@1.0.0", { ecosystem: "pypi", name: "a" }, false],
  ["pkg:npm/ab@1.0.0", { ecosystem: "npm", name: "a" }, false],
  ["a-1.0.0.tgz", { ecosystem: "npm", name: "a" }, false],
  ["pkg:npm/decoy@1", { ecosystem: "npm", name: "decoy" }, true],
  ["pkg:npm/a@1", { ecosystem: "npm", name: "decoy" }, false],
])("%s for %j: %s", (name, wanted, met) => {
  expect(outcome(() => requirePackage("sigstore-bundle", statement(name), { package: wanted }, { sha256 }))).toBe(met);
});

/** Only a refusal that says what was expected is an answer. */
function outcome(go: () => void): boolean {
  try {
    go();
    return true;
  } catch (cause) {
    if (cause instanceof Error && /was expected|, not /.test(cause.message)) return false;
    throw cause;
  }
}

test("nothing expected is met by anything, and a signature without statement names no package", () => {
  expect(() => requirePackage("minisign", undefined, {}, { sha256 })).not.toThrow();
  expect(() => requirePackage("minisign", undefined, { package: { name: "a" } }, { sha256 })).toThrow(
    "it names no package",
  );
});
