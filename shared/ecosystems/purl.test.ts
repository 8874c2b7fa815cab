import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { buildPurl, canonicalPurl, debPurl, npmPurl, parsePurl, pypiPurl } from "./purl.ts";

test.each([
  [
    debPurl("debian", "libstdc++6", "1:2.4.47-2+b1~deb12", "amd64"),
    "pkg:deb/debian/libstdc%2B%2B6@1:2.4.47-2%2Bb1~deb12?arch=amd64",
  ],
  [debPurl("debian", "a", "1", "all", "bookworm"), "pkg:deb/debian/a@1?arch=all&distro=bookworm"],
  [npmPurl("@scope/name", "1.0.0-a+b"), "pkg:npm/%40scope/name@1.0.0-a%2Bb"],
  [pypiPurl("zope-interface", "1.0+cpu"), "pkg:pypi/zope-interface@1.0%2Bcpu"],
])("%s", (got, wanted) => {
  expect(got).toBe(wanted);
});

test.each([["no purl"], ["pkg:"], ["pkg:npm"], [`pkg:npm/${"a".repeat(5000)}`], [""]])("%s is none", (text) => {
  expect(parsePurl(text)).toBeUndefined();
});

interface Case {
  readonly description: string;
  readonly test_type: "build" | "parse" | "validate" | "roundtrip";
  readonly input: string | Parts;
  readonly expected_output: string | Parts | null;
  readonly expected_failure: boolean;
}
interface Parts {
  readonly type: string | null;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly version: string | null;
  readonly qualifiers: Record<string, string> | null;
  readonly subpath: string | null;
}

const vectors = `${process.env["PROVOST_VECTORS"] ?? "../shared/vectors"}/sbom/purl/tests/types`;
describe.skipIf(!existsSync(vectors))("the specification's own cases (skipped without PROVOST_VECTORS)", () => {
  test.each(["deb", "npm", "pypi"])("%s", (type) => {
    const { tests } = JSON.parse(readFileSync(`${vectors}/${type}-test.json`, "utf8")) as { tests: readonly Case[] };
    expect(tests.length).toBeGreaterThan(10);
    for (const { description, input, expected_output, expected_failure } of tests) {
      const got = typeof input === "string" ? outcome(input, expected_output) : buildPurl(present(input));
      const wanted =
        typeof expected_output === "string" ? expected_output : expected_output && present(expected_output);
      expect([description, got]).toEqual([description, expected_failure ? undefined : wanted]);
    }
  });
});

const outcome = (input: string, wanted: Case["expected_output"]) =>
  typeof wanted === "string" ? canonicalPurl(input) : parsePurl(input);

function present(parts: Parts) {
  const known = Object.entries(parts).filter(([, value]) => value !== null);
  return { type: "", name: "", ...Object.fromEntries(known) };
}
