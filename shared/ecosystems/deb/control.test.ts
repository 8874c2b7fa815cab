import { assert, property, string } from "fast-check";
import { expect, test } from "vitest";
import { readStanza } from "./control.ts";

test("fields are named in lower case and continuation lines are kept", () => {
  const reading = readStanza("Package: bash\nDescription: shell\n The GNU shell.\n .\n More.\n");
  expect(reading.kind === "stanza" && [...reading.stanza]).toEqual([
    ["package", "bash"],
    ["description", "shell\nThe GNU shell.\n.\nMore."],
  ]);
});

test.each([
  ["a repeated field", "A: 1\na: 2", /twice/],
  ["a continuation without a field", " x", /continuation/],
  ["a line without a colon", "A: 1\nnonsense", /no field/],
  ["nothing", "\n\n", /empty/],
  ["a name with a space", "A B: 1", /no field/],
])("%s is malformed", (_name, text, why) => {
  const reading = readStanza(text);
  expect(reading.kind === "malformed" && reading.why).toMatch(why);
});

test.each([
  ["fields", Array.from({ length: 500 }, (_, at) => `F${at}: x`).join("\n"), /fields/],
  ["characters", "A: ".padEnd(200, "x"), /longer/],
])("too many %s are refused", (_name, text, why) => {
  const reading = readStanza(text, { characters: text.length > 1000 ? 1 << 20 : 100, fields: 400 });
  expect(reading.kind === "malformed" && reading.why).toMatch(why);
});

test("any text gives an answer", () => {
  assert(property(string({ unit: "binary" }), (text) => ["stanza", "malformed"].includes(readStanza(text).kind)));
});
