import { assert, property, record, constantFrom, option, string, subarray, boolean } from "fast-check";
import { standings } from "@provost/shared/model/verdict.ts";
import { expect, test } from "vitest";
import { address } from "../address.ts";
import { changed, readFilter, toggled, writeFilter } from "./filter.ts";
import { executableFields, packageFields } from "./list-filters.ts";

test.each([
  ["nothing asked", {}, {}],
  ["a standing", { standing: "refuted" }, { standing: ["refuted"] }],
  ["two standings, in the list's order", { standing: "refuted,proven" }, { standing: ["proven", "refuted"] }],
  ["a word nobody knows is left out", { standing: "innocent,refuted" }, { standing: ["refuted"] }],
  ["only unknown words are no filter", { standing: "innocent" }, {}],
  ["running", { running: "true" }, { running: true }],
  ["not running", { running: "false" }, { running: false }],
  ["neither yes nor no", { running: "1" }, {}],
  ["a sort nobody offers", { sort: "password" }, {}],
  ["a value that is no text", { q: 7 }, {}],
  ["an empty text", { q: "" }, {}],
  ["a property nobody knows", { admin: "true" }, {}],
])("%s is read from the address", (_name, search, filter) => {
  expect(readFilter(executableFields, search)).toEqual(filter);
});

test("a long text is cut at the API's limit", () => {
  expect(readFilter(executableFields, { q: "x".repeat(5000) }).q).toHaveLength(400);
});

test("whatever a filter says survives the way to the address and back", () => {
  const filters = record(
    {
      q: string({ minLength: 1, maxLength: 400 }),
      standing: subarray([...standings], { minLength: 1 }),
      running: boolean(),
      sort: constantFrom("path", "-standing", "size"),
    },
    { requiredKeys: [] },
  );
  assert(
    property(filters, (filter) => {
      const url = new URL(address.executables(filter), "http://console");
      expect(readFilter(executableFields, Object.fromEntries(url.searchParams))).toEqual(filter);
    }),
  );
});

test("a package's address carries its purl whole", () => {
  assert(
    property(option(string(), { nil: "" }), (purl) => {
      expect(new URL(address.package(purl ?? ""), "http://console").searchParams.get("purl")).toBe(purl);
    }),
  );
});

test("a change keeps the rest and takes away what is undefined", () => {
  const before = { q: "a", ecosystem: ["deb"] } as const;
  expect(changed<typeof packageFields>(before, { q: undefined, proof: ["failed"] })).toEqual({
    ecosystem: ["deb"],
    proof: ["failed"],
  });
  expect(writeFilter(packageFields, { ecosystem: [] })).toEqual({});
});

test.each([
  ["the first choice", undefined, "a", ["a"]],
  ["another", ["a"], "b", ["a", "b"]],
  ["the same again", ["a", "b"], "a", ["b"]],
  ["the last one away", ["a"], "a", undefined],
])("%s toggles", (_name, chosen, value, next) => {
  expect(toggled(chosen, value)).toEqual(next);
});
