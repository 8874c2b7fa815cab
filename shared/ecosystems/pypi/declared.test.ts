import { expect, test } from "vitest";
import { readPypiDeclared } from "./declared.ts";

const read = (text: string) => readPypiDeclared([Buffer.from(text)]);

test.each<readonly [string, string, unknown]>([
  [
    "what it needs, but not what only an extra asks for",
    "Name: x\nRequires-Dist: Zope.Interface (>=1)\nRequires-Dist: tomli>=1; python_version < '3.11'\nRequires-Dist: pytest; extra == 'test'\n\nRequires-Dist: not-a-header\n",
    { dependencies: ["zope-interface", "tomli"] },
  ],
  [
    "an expression before a line",
    "License: BSD License\nLicense-Expression: MIT\n\n",
    { licence: "MIT", dependencies: [] },
  ],
  ["a line, with Windows ends", "License: BSD\r\n\r\n", { licence: "BSD", dependencies: [] }],
  ["no whole text of a licence", `License: ${"x".repeat(200)}\n\n`, { dependencies: [] }],
  ["nothing for UNKNOWN", "License: UNKNOWN\n\n", { dependencies: [] }],
  [
    "nothing of a line that is too long",
    `Requires-Dist: ${"x".repeat(20_000)}\nLicense: MIT\n`,
    { licence: "MIT", dependencies: [] },
  ],
  ["no name that is none", "Requires-Dist: ../../x\nRequires-Dist: \u001b[2J\n", { dependencies: [] }],
])("%s", (_name, text, wanted) => {
  expect(read(text)).toEqual(wanted);
});

test("no more than 5,000 needs and 20,000 lines are read", () => {
  const needs = Array.from({ length: 6000 }, (_, at) => `Requires-Dist: n${at}\n`).join("");
  expect(read(needs).dependencies).toHaveLength(5000);
  expect(read(`${"X: y\n".repeat(20_000)}License: MIT\n`)).toEqual({ dependencies: [] });
});
