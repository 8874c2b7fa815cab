import { expect, test } from "vitest";
import { readDeb822Sources, readOneLineSources } from "./apt-sources.ts";

const plain = {
  kind: "entry",
  uri: "http://archive.example.org/debian",
  suite: "bookworm",
  components: ["main"],
  architectures: [],
  signedBy: [],
};

test.each([
  ["a plain line", "deb http://archive.example.org/debian bookworm main", [plain]],
  ["a comment behind it", "deb http://archive.example.org/debian bookworm main # mine", [plain]],
  ["a source line is no archive of programs", "deb-src http://archive.example.org/debian bookworm main", []],
  ["a commented line", "# deb http://archive.example.org/debian bookworm main", []],
  [
    "options",
    "deb [ arch=amd64,arm64 signed-by=/k.gpg,/l.asc ] http://archive.example.org/debian bookworm main",
    [
      {
        ...plain,
        architectures: ["amd64", "arm64"],
        signedBy: [
          { kind: "file", path: "/k.gpg" },
          { kind: "file", path: "/l.asc" },
        ],
      },
    ],
  ],
  ["a flat repository", "deb http://x.test/r ./", [{ ...plain, uri: "http://x.test/r", suite: "./", components: [] }]],
  [
    "credentials are dropped",
    "deb http://me:secret@x.test/r ./",
    [{ ...plain, uri: "http://x.test/r", suite: "./", components: [] }],
  ],
  [
    "a suite without component",
    "deb http://x.test/r bookworm",
    [{ kind: "fault", why: "a source whose suite and components do not go together" }],
  ],
  [
    "a suite that climbs",
    "deb http://x.test/r ../../x main",
    [{ kind: "fault", why: "a source whose suite is malformed" }],
  ],
  ["half a line", "deb http://x.test/r", [{ kind: "fault", why: "line 1 is no source" }]],
  [
    "trusted=yes is noted and believed for nothing",
    "deb [trusted=yes] http://archive.example.org/debian bookworm main",
    [
      plain,
      {
        kind: "fault",
        why: "trusted=yes for http://archive.example.org/debian: an archive is believed for its signature only",
      },
    ],
  ],
])("one-line: %s", (_name, text, wanted) => {
  expect(readOneLineSources(text)).toEqual(wanted);
});

test("deb822: each URI with each suite, comments dropped", () => {
  const text =
    "Types: deb deb-src\n# snapshot\nURIs: http://a.test http://b.test\nSuites: s1\n s2\nComponents: main contrib\nSigned-By: /k.gpg\n";
  const read = readDeb822Sources(text);
  expect(
    read.map((item) => (item.kind === "entry" ? `${item.uri} ${item.suite} ${item.components.join()}` : item.why)),
  ).toEqual([
    "http://a.test s1 main,contrib",
    "http://a.test s2 main,contrib",
    "http://b.test s1 main,contrib",
    "http://b.test s2 main,contrib",
  ]);
});

test("deb822: a stanza that is not enabled is none", () => {
  expect(readDeb822Sources("Types: deb\nURIs: http://a.test\nSuites: s\nComponents: m\nEnabled: no\n")).toEqual([]);
});

test("deb822: a key written into the stanza keeps its lines", () => {
  const key = " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----";
  const [entry] = readDeb822Sources(`Types: deb\nURIs: http://a.test\nSuites: s\nComponents: m\nSigned-By:\n${key}\n`);
  expect(entry?.kind === "entry" && entry.signedBy).toEqual([
    {
      kind: "inline",
      armoured: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBF\n-----END PGP PUBLIC KEY BLOCK-----\n",
    },
  ]);
});

test("deb822: fingerprints are upper case, a named subkey included", () => {
  const fingerprint = "a".repeat(40);
  const [entry] = readDeb822Sources(
    `Types: deb\nURIs: http://a.test\nSuites: s\nComponents: m\nSigned-By: ${fingerprint}!\n`,
  );
  expect(entry?.kind === "entry" && entry.signedBy).toEqual([{ kind: "fingerprint", fingerprint: "A".repeat(40) }]);
});

test.each([
  ["a line that is no field", "Types: deb\nnonsense\n"],
  ["no URIs", "Types: deb\nSuites: s\n"],
  ["a continuation first", " x\nTypes: deb\n"],
])("deb822: %s is a fault", (_name, text) => {
  expect(readDeb822Sources(text)).toEqual([expect.objectContaining({ kind: "fault" })]);
});
