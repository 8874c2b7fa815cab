import { expect, test } from "vitest";
import { readDocument } from "../read.ts";
import { isTagValue } from "./tag-value.ts";

const document = `# made by hand
SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: hello
DocumentNamespace: https://example.org/hello
Creator: Tool: maker-2
Creator: Person: Jane (jane@example.org)
Created: 2026-01-31T12:00:00Z
CreatorComment: <text>two lines:
PackageName: not a package</text>

PackageName: hello
SPDXID: SPDXRef-hello
PackageVersion: 1.0
PackageSupplier: Organization: Example
PackageDownloadLocation: git+https://example.org/hello.git
PackageChecksum: SHA256: ${"ab".repeat(32)}
ExternalRef: PACKAGE-MANAGER purl pkg:npm/Hello@1.0
ExternalRefComment: where it is published
PackageLicenseDeclared: MIT
PackageCopyrightText: <text>Copyright
2026 Jane</text>

FileName: ./hello.c
SPDXID: SPDXRef-file
FileChecksum: SHA1: ${"cd".repeat(20)}
LicenseConcluded: MIT

Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-hello
Relationship: SPDXRef-hello CONTAINS SPDXRef-file

LicenseID: LicenseRef-1
ExtractedText: <text>as you like</text>
`;

const read = (text: string) => readDocument(Buffer.from(text));

test.each([
  ["as it is", document],
  ["with Windows line ends", document.replaceAll("\n", "\r\n")],
  ["with a byte order mark", `\uFEFF${document}`],
])("a document %s is read as its JSON is", (_name, text) => {
  expect(read(text)).toEqual({
    kind: "sbom",
    sbom: {
      format: "spdx",
      specVersion: "2.3",
      id: "https://example.org/hello",
      createdAt: Date.parse("2026-01-31T12:00:00Z"),
      tools: ["maker-2"],
      subjects: [
        {
          ref: "SPDXRef-hello",
          kind: "package",
          name: "hello",
          version: "1.0",
          purl: "pkg:npm/hello@1.0",
          digests: [{ algorithm: "sha256", hex: "ab".repeat(32) }],
          licences: ["MIT"],
          supplier: "Example",
        },
      ],
      components: [
        {
          ref: "SPDXRef-file",
          kind: "file",
          name: "./hello.c",
          digests: [{ algorithm: "sha1", hex: "cd".repeat(20) }],
          licences: ["MIT"],
        },
      ],
      edges: [{ from: "SPDXRef-hello", to: "SPDXRef-file", relation: "contains" }],
      problems: [],
    },
  });
});

test.each([
  ["a line that is none", `${document}what is this\n`, "line 35 is no tag and value: what is this"],
  ["a text without an end", `${document}LicenseComment: <text>on and on\n`, "line 35: a text that has no end"],
  [
    "a name said twice",
    document.replace("PackageVersion: 1.0", "PackageVersion: 1\nPackageVersion: 2"),
    "line 16 says versionInfo a second time",
  ],
  [
    "a checksum that is malformed",
    document.replace("SHA256: ", "SHA256 "),
    "line 18: a PackageChecksum that is malformed",
  ],
  [
    "a relationship without its end",
    document.replace("DESCRIBES SPDXRef-hello", "DESCRIBES"),
    "line 30: a Relationship that is malformed",
  ],
  [
    "an external reference that is malformed",
    document.replace("PACKAGE-MANAGER purl ", ""),
    "line 19: an ExternalRef that is malformed",
  ],
  ["no creation time", document.replace(/^Created:.*\n/m, ""), "spdx.creationInfo.created is missing"],
  ["escape sequences", `${document}\u001b[2J: x\n`, "line 35 is no tag and value: \\x1b[2J: x"],
])("%s is refused with its line", (_name, text, why) => {
  expect(read(text)).toEqual({ kind: "refused", basis: "unreadable", why });
});

test("a million lines of comments before nothing cost one look at the beginning", () => {
  expect(isTagValue("#\n".repeat(1_000_000))).toBe(false);
  expect(isTagValue(" ".repeat(1_000_000))).toBe(false);
  expect(isTagValue(`${"\n".repeat(10_000)}SPDXVersion: SPDX-2.3`)).toBe(true);
});

test("more packages than are read are refused", () => {
  const packages = Array.from({ length: 200_001 }, () => "PackageName: x\n").join("");
  expect(read(`${document}${packages}`)).toMatchObject({ why: "it names more than 200000 components" });
}, 60_000);
