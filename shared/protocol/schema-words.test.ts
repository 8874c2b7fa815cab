import * as z from "zod/mini";
import { expect, test } from "vitest";
import { firstWrong } from "./schema-words.ts";

const Document = z.strictObject({
  at: z.int().check(z.minimum(1)),
  mode: z.enum(["off", "block"]),
  names: z.array(z.string().check(z.maxLength(3))).check(z.maxLength(2)),
});
const good = { at: 1, mode: "off", names: [] };

test.each<readonly [unknown, string]>([
  [{ ...good, more: 1, "\u001b[2J": 2 }, "policy: unrecognized key more, \\x1b[2J"],
  [{ ...good, at: "1" }, "at: wanted number"],
  [{ ...good, at: 0 }, "at: less than 1"],
  [{ ...good, mode: "on" }, "mode: wanted one of off, block"],
  [{ ...good, names: ["long"] }, "names.0: more than 3"],
  [{ ...good, names: ["a", "b", "c"] }, "names: more than 2"],
  [undefined, "policy: wanted object"],
])("%j is told as what is wrong with it", (document, words) => {
  const read = Document.safeParse(document);
  expect(firstWrong(read.error?.issues ?? [], "policy")).toBe(words);
});

test("nothing is said to be wrong in words, whatever came", () => {
  expect(firstWrong([], "policy")).toBe("policy: not understood");
});
