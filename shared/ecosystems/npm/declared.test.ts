import { expect, test } from "vitest";
import { readNpmDeclared } from "./declared.ts";

const none = { dependencies: [] };

test.each<readonly [string, unknown, unknown]>([
  [
    "what it needs, once each, but not what it is developed with",
    {
      dependencies: { a: "1", "@s/b": "2" },
      optionalDependencies: { a: "1", c: "3" },
      peerDependencies: { d: "*" },
      devDependencies: { e: "1" },
    },
    { dependencies: ["a", "@s/b", "c", "d"] },
  ],
  ["a licence", { license: " MIT " }, { licence: "MIT", dependencies: [] }],
  [
    "a licence as it once was",
    { license: { type: "BSD", url: "https://example.org" } },
    { licence: "BSD", dependencies: [] },
  ],
  [
    "licences as they once were",
    { licenses: [{ type: "MIT" }, "GPL-2.0", 7] },
    { licence: "MIT OR GPL-2.0", dependencies: [] },
  ],
  ["a licence with an escape sequence", { license: "MIT\u001b[2J" }, { licence: "MIT\\x1b[2J", dependencies: [] }],
  ["names that are none", { dependencies: { "../../etc": "1", __proto__: "1", "": "1" } }, none],
  ["wrong types", { dependencies: ["a"], license: 7, licenses: {} }, none],
  ["no object", [], none],
])("%s", (_name, document, wanted) => {
  expect(readNpmDeclared(Buffer.from(JSON.stringify(document)))).toEqual(wanted);
});

test("what is no JSON, or deep, declares nothing; more than 5,000 names are not taken", () => {
  expect(readNpmDeclared(Buffer.from("{"))).toEqual(none);
  expect(readNpmDeclared(Buffer.from('{"a":'.repeat(100)))).toEqual(none);
  const dependencies = Object.fromEntries(Array.from({ length: 6000 }, (_, at) => [`n${at}`, "1"]));
  expect(readNpmDeclared(Buffer.from(JSON.stringify({ dependencies }))).dependencies).toHaveLength(5000);
});
