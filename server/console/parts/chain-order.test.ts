import { linkKinds } from "@provost/shared/model/verdict.ts";
import { expect, test } from "vitest";
import { firstBreak, inReadingOrder, overviewOf, type Link } from "./chain-order.ts";

const link = (kind: Link["link"], state: Link["state"] = "verified"): Link => ({ link: kind, state, says: kind });

test("links stand from source to process, whatever order they came in", () => {
  const chain = [link("process"), link("file"), link("source"), link("archive")];
  expect(inReadingOrder(chain).map((each) => each.link)).toEqual(["source", "archive", "file", "process"]);
});

test.each([
  ["a whole chain has no break", [link("file"), link("source")], undefined],
  ["a record alone is no break", [link("file", "recorded")], undefined],
  ["the first missing link is called out", [link("file", "missing"), link("build", "missing")], "build"],
  ["what is contradicted comes before what is missing", [link("source", "missing"), link("file", "failed")], "file"],
  ["an empty chain has no break", [], undefined],
])("%s", (_name, chain, kind) => {
  expect(firstBreak(chain)?.link).toBe(kind);
});

test("at a glance each kind has its worst state, and what is not spoken of has none", () => {
  const glance = overviewOf([link("package"), link("package", "failed"), link("package", "recorded")]);
  expect(glance.map(({ kind }) => kind)).toEqual(linkKinds);
  expect(glance.filter(({ state }) => state !== undefined)).toEqual([{ kind: "package", state: "failed" }]);
});
