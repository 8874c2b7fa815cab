import { expect, test } from "vitest";
import { licenceOf } from "./licence.ts";

test.each([
  ["MIT", "id"],
  ["Apache-2.0", "id"],
  ["MIT OR Apache-2.0", "expression"],
  ["(MIT OR Apache-2.0) AND BSD-3-Clause", "expression"],
  ["GPL-2.0-only WITH Classpath-exception-2.0", "expression"],
  ["Apache-2.0+", "expression"],
  ["BSD", "name"],
  ["MIT OR", "name"],
  ["OR MIT", "name"],
  ["MIT Apache-2.0", "name"],
  ["(MIT", "name"],
  ["MIT)", "name"],
  ["", "name"],
  ["SEE LICENSE IN LICENSE.md", "name"],
  [`MIT${" OR MIT".repeat(100)}`, "name"],
])("%s is an %s", (text, kind) => {
  expect(licenceOf(text)).toEqual({ kind, text });
});
