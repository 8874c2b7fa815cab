import { expect, test } from "vitest";
import { requireExpected, type Criteria } from "./criteria.ts";
import { guarded } from "./refusal.ts";
import type { Provenance } from "./slsa/provenance.ts";

const provenance = (ref: string, baseRef?: string): Provenance => ({
  predicateType: "https://slsa.dev/provenance/v1",
  builderId: "b",
  buildType: "t",
  source: { repository: "github.com/o/r", ref, commit: "a".repeat(40), ...(baseRef === undefined ? {} : { baseRef }) },
  build: { inputs: { version: "1", debug: "true" } },
  dependencies: [],
});

const accepts = (criteria: Criteria, ref = "refs/tags/v13.0.30", baseRef?: string): boolean =>
  guarded(
    () => {
      requireExpected(criteria, provenance(ref, baseRef));
      return true;
    },
    (refusal) => refusal.basis !== "downgraded",
  );

test.each([
  ["v13.0.30", "v13.0.30", true],
  ["v13.0", "v13.0.30", true],
  ["v13", "v13.0.30", true],
  ["v1", "v13.0.30", false],
  ["v13.0.3", "v13.0.30", false],
  ["v13.1", "v13.0.30", false],
  ["v14.0", "v14", true],
  ["v14.1", "v14", false],
  ["v14.2.1", "v14.2", false],
  ["v1.5.0", "v1.5.0-rc.1", false],
  ["v1.5.0-rc.1", "v1.5.0-rc.1", true],
  ["v1", "main", false],
  ["", "v1", false],
  ["v01", "v1", false],
])("version %s of tag %s: %s", (versionedTag, tag, expected) => {
  expect(accepts({ versionedTag }, `refs/tags/${tag}`)).toBe(expected);
});

test.each<[string, Criteria, string, string | undefined, boolean]>([
  ["the source with a scheme", { source: "https://github.com/o/r" }, "refs/heads/main", undefined, true],
  ["the source as git writes it", { source: "git+https://github.com/o/r" }, "refs/heads/main", undefined, true],
  ["a source that only begins the same", { source: "github.com/o/r2" }, "refs/heads/main", undefined, false],
  ["a source in other letters", { source: "github.com/O/r" }, "refs/heads/main", undefined, false],
  ["a branch", { branch: "main" }, "refs/heads/main", undefined, true],
  ["a branch whose name only ends the same", { branch: "main" }, "refs/heads/x/main", undefined, false],
  ["the branch a tag was pushed from", { branch: "main" }, "refs/tags/v1", "refs/heads/main", true],
  ["a tag of which no branch is known", { branch: "main" }, "refs/tags/v1", undefined, false],
  ["a tag by its name", { tag: "v1" }, "refs/tags/v1", undefined, true],
  ["a branch that is named like the tag", { tag: "v1" }, "refs/heads/v1", undefined, false],
  ["a commit", { commit: "a".repeat(40) }, "refs/tags/v1", undefined, true],
  ["a commit cut short", { commit: "a".repeat(7) }, "refs/tags/v1", undefined, false],
  ["inputs", { inputs: { version: "1" } }, "refs/tags/v1", undefined, true],
  ["an input that is missing", { inputs: { other: "1" } }, "refs/tags/v1", undefined, false],
  ["an input inherited from nowhere", { inputs: { toString: "x" } }, "refs/tags/v1", undefined, false],
])("%s", (_name, criteria, ref, baseRef, expected) => {
  expect(accepts(criteria, ref, baseRef)).toBe(expected);
});
