import { assert, json as anyJson, jsonValue, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { sbomLimits } from "./limits.ts";
import { readDocument, readJsonDocument } from "./read.ts";

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const hash = "ab".repeat(32);

const cyclonedx = {
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  serialNumber: "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
  metadata: {
    timestamp: "2026-01-31T12:00:00Z",
    tools: { components: [{ type: "application", name: "maker", version: "2" }] },
    component: { type: "application", "bom-ref": "app", name: "app", version: "1" },
  },
  components: [
    {
      type: "library",
      "bom-ref": "a",
      group: "org.example",
      name: "a",
      version: "1.0",
      purl: "pkg:Maven/org.example/a@1.0",
      hashes: [{ alg: "SHA-256", content: hash.toUpperCase() }],
      licenses: [{ license: { id: "MIT" } }, { expression: "Apache-2.0 OR MIT" }],
      supplier: { name: "Example" },
      components: [{ type: "file", "bom-ref": "a/f", name: "f" }],
    },
    { type: "library", name: "b" },
  ],
  dependencies: [
    { ref: "app", dependsOn: ["a"] },
    { ref: "a", dependsOn: [] },
  ],
  vulnerabilities: [
    {
      id: "CVE-2026-1",
      references: [{ id: "GHSA-1", source: { name: "GitHub" } }],
      analysis: { state: "not_affected", justification: "code_not_reachable", detail: "never called" },
      affects: [{ ref: "a" }, { ref: "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#pkg%3Anpm%2Fx%401.0.0" }],
    },
    { id: "CVE-2026-2", affects: [{ ref: "a" }] },
  ],
};

const spdx2 = {
  spdxVersion: "SPDX-2.3",
  dataLicense: "CC0-1.0",
  SPDXID: "SPDXRef-DOCUMENT",
  name: "document",
  documentNamespace: "https://example.org/d",
  creationInfo: { created: "2026-01-31T12:00:00Z", creators: ["Tool: maker-2", "Organization: Example"] },
  packages: [
    { SPDXID: "SPDXRef-app", name: "app", versionInfo: "1", downloadLocation: "NOASSERTION" },
    {
      SPDXID: "SPDXRef-a",
      name: "a",
      downloadLocation: "NONE",
      supplier: "Organization: Example",
      licenseDeclared: "MIT",
      licenseConcluded: "NOASSERTION",
      primaryPackagePurpose: "LIBRARY",
      checksums: [{ algorithm: "SHA256", checksumValue: hash }],
      externalRefs: [
        { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: "pkg:pypi/A_b@1" },
      ],
    },
  ],
  files: [{ SPDXID: "SPDXRef-f", fileName: "./f", checksums: [{ algorithm: "SHA1", checksumValue: "ab".repeat(20) }] }],
  relationships: [
    { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: "SPDXRef-app" },
    { spdxElementId: "SPDXRef-a", relationshipType: "DEPENDENCY_OF", relatedSpdxElement: "SPDXRef-app" },
    { spdxElementId: "SPDXRef-app", relationshipType: "CONTAINS", relatedSpdxElement: "SPDXRef-f" },
    { spdxElementId: "SPDXRef-app", relationshipType: "DEPENDS_ON", relatedSpdxElement: "NOASSERTION" },
    { spdxElementId: "SPDXRef-app", relationshipType: "DEPENDS_ON", relatedSpdxElement: "DocumentRef-x:SPDXRef-y" },
  ],
};

const creation = {
  type: "CreationInfo",
  "@id": "_:c",
  specVersion: "3.0.1",
  createdBy: ["urn:x#me"],
  createdUsing: ["urn:x#t"],
};
const element = (type: string, name: string, more: object = {}) => ({
  type,
  spdxId: `urn:x#${name}`,
  creationInfo: "_:c",
  ...more,
});
const spdx3 = {
  "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
  "@graph": [
    { ...creation, created: "2026-01-31T12:00:00Z" },
    element("Person", "me", { name: "Me" }),
    element("Tool", "t", { name: "maker" }),
    element("SpdxDocument", "d", { rootElement: ["urn:x#s"] }),
    element("software_Sbom", "s", { rootElement: ["urn:x#app"] }),
    element("software_Package", "app", { name: "app", software_packageVersion: "1", suppliedBy: "urn:x#me" }),
    element("software_File", "f", {
      name: "f",
      verifiedUsing: [{ type: "Hash", algorithm: "sha256", hashValue: hash }],
      externalIdentifier: [
        { type: "ExternalIdentifier", externalIdentifierType: "packageUrl", identifier: "pkg:npm/F@1.0.0" },
      ],
    }),
    element("simplelicensing_LicenseExpression", "l", { simplelicensing_licenseExpression: "MIT" }),
    element("Relationship", "r1", { from: "urn:x#app", relationshipType: "contains", to: ["urn:x#f"] }),
    element("Relationship", "r2", { from: "urn:x#f", relationshipType: "hasDeclaredLicense", to: ["urn:x#l"] }),
    element("LifecycleScopedRelationship", "r3", { from: "urn:x#app", relationshipType: "dependsOn", to: ["urn:x#f"] }),
  ],
};

const vex = {
  "@context": "https://openvex.dev/ns/v0.2.0",
  "@id": "https://example.org/vex/1",
  author: "Example",
  timestamp: "2026-01-31T12:00:00Z",
  version: 1,
  statements: [
    {
      vulnerability: { name: "CVE-2026-1", aliases: ["GHSA-1"] },
      products: [{ "@id": "pkg:npm/A@1.0.0", hashes: { "sha-256": hash }, subcomponents: [{ "@id": "pkg:npm/b@1" }] }],
      status: "affected",
      action_statement: "update",
    },
  ],
};

describe("one model for every format", () => {
  test("CycloneDX with a VEX inside", () => {
    const reading = readDocument(bytes(cyclonedx));
    expect(reading).toEqual({
      kind: "sbom",
      sbom: {
        format: "cyclonedx",
        specVersion: "1.6",
        id: cyclonedx.serialNumber,
        createdAt: Date.parse("2026-01-31T12:00:00Z"),
        tools: ["maker 2"],
        subjects: [{ ref: "app", kind: "application", name: "app", version: "1", digests: [], licences: [] }],
        components: [
          {
            ref: "a",
            kind: "library",
            name: "org.example/a",
            version: "1.0",
            purl: "pkg:maven/org.example/a@1.0",
            digests: [{ algorithm: "sha256", hex: hash }],
            licences: ["MIT", "Apache-2.0 OR MIT"],
            supplier: "Example",
          },
          { ref: "a/f", kind: "file", name: "f", digests: [], licences: [] },
          { ref: "bom.components[1]", kind: "library", name: "b", digests: [], licences: [] },
        ],
        edges: [
          { from: "a", to: "a/f", relation: "contains" },
          { from: "app", to: "a", relation: "depends-on" },
        ],
        problems: [],
      },
      vex: {
        format: "cyclonedx",
        specVersion: "1.6",
        id: cyclonedx.serialNumber,
        createdAt: Date.parse("2026-01-31T12:00:00Z"),
        problems: [],
        statements: [
          {
            vulnerability: "CVE-2026-1",
            aliases: ["GHSA-1"],
            status: "not_affected",
            justification: "code_not_reachable",
            says: "never called",
            products: [
              { id: "a", purl: "pkg:maven/org.example/a@1.0", digests: [{ algorithm: "sha256", hex: hash }] },
              { id: cyclonedx.vulnerabilities[0]?.affects[1]?.ref, purl: "pkg:npm/x@1.0.0", digests: [] },
            ],
          },
        ],
      },
    });
  });

  test("SPDX 2.3", () => {
    const reading = readDocument(bytes(spdx2));
    expect(reading).toMatchObject({
      kind: "sbom",
      sbom: {
        format: "spdx",
        specVersion: "2.3",
        id: "https://example.org/d",
        tools: ["maker-2"],
        subjects: [{ ref: "SPDXRef-app", kind: "package", name: "app", version: "1" }],
        components: [
          {
            ref: "SPDXRef-a",
            kind: "LIBRARY",
            purl: "pkg:pypi/a-b@1",
            digests: [{ algorithm: "sha256", hex: hash }],
            licences: ["MIT"],
            supplier: "Example",
          },
          { ref: "SPDXRef-f", kind: "file", name: "./f" },
        ],
        edges: [
          { from: "SPDXRef-app", to: "SPDXRef-a", relation: "depends-on" },
          { from: "SPDXRef-app", to: "SPDXRef-f", relation: "contains" },
        ],
        problems: [],
      },
    });
  });

  test("SPDX 3", () => {
    expect(readDocument(bytes(spdx3))).toMatchObject({
      kind: "sbom",
      sbom: {
        specVersion: "3.0.1",
        id: "urn:x#d",
        tools: ["maker"],
        subjects: [{ ref: "urn:x#app", name: "app", version: "1", supplier: "Me" }],
        components: [
          { ref: "urn:x#f", purl: "pkg:npm/f@1.0.0", digests: [{ algorithm: "sha256", hex: hash }], licences: ["MIT"] },
        ],
        edges: [
          { from: "urn:x#app", to: "urn:x#f", relation: "contains" },
          { from: "urn:x#app", to: "urn:x#f", relation: "depends-on" },
        ],
        problems: [],
      },
    });
  });

  test("OpenVEX", () => {
    expect(readDocument(bytes(vex))).toMatchObject({
      kind: "vex",
      vex: {
        specVersion: "0.2.0",
        author: "Example",
        statements: [
          {
            vulnerability: "CVE-2026-1",
            aliases: ["GHSA-1"],
            status: "affected",
            says: "update",
            products: [
              { purl: "pkg:npm/a@1.0.0", digests: [{ algorithm: "sha256", hex: hash }] },
              { purl: "pkg:npm/b@1" },
            ],
          },
        ],
      },
    });
  });
});

const component = (more: object) => ({
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  components: [{ type: "library", name: "x", ...more }],
});

describe("what is wrong has its reason", () => {
  test.each<readonly [string, unknown, string]>([
    ["no object", [], "unreadable: the document is no object"],
    ["another document", { name: "left-pad", version: "1.0.0" }, "foreign: it is no bill of materials and no VEX"],
    ["an old CycloneDX", { ...cyclonedx, specVersion: "1.3" }, "unsupported: CycloneDX 1.3 is not read"],
    [
      "a new CycloneDX",
      { ...cyclonedx, specVersion: "2.0\u001b[2J" },
      "unsupported: CycloneDX 2.0\\x1b[2J is not read",
    ],
    ["another bomFormat", { ...cyclonedx, bomFormat: "Cyclone" }, 'unreadable: bomFormat is not "CycloneDX"'],
    ["components that are no list", { ...cyclonedx, components: {} }, "unreadable: bom.components is no list"],
    ["a component that is none", { ...cyclonedx, components: [1] }, "unreadable: bom.components[0] is no object"],
    [
      "a component without a name",
      { ...cyclonedx, components: [{ type: "file" }] },
      "unreadable: bom.components[0].name is missing",
    ],
    ["a name that is no text", component({ name: 7 }), "unreadable: bom.components[0].name is no text"],
    [
      "a name that is huge",
      component({ name: "x".repeat(16_385) }),
      "unreadable: bom.components[0].name has more than 16384 characters",
    ],
    [
      "two components of one ref",
      { ...cyclonedx, components: [{ type: "file", "bom-ref": "app", name: "x" }] },
      "unreadable: the bom-ref app stands for two things",
    ],
    [
      "a time that is none",
      { ...cyclonedx, metadata: { timestamp: "now" } },
      "unreadable: metadata.timestamp is no time",
    ],
    [
      "a state that is none",
      { ...cyclonedx, vulnerabilities: [{ analysis: { state: "fine" } }] },
      "unreadable: vulnerabilities[0].analysis.state fine is none that CycloneDX knows",
    ],
    ["an old SPDX", { ...spdx2, spdxVersion: "SPDX-2.1" }, "unsupported: SPDX-2.1 is not read"],
    ["another SPDXID", { ...spdx2, SPDXID: "SPDXRef-x" }, "unreadable: spdx.SPDXID is not SPDXRef-DOCUMENT"],
    ["no creation", { ...spdx2, creationInfo: undefined }, "unreadable: spdx.creationInfo is no object"],
    [
      "nobody who made it",
      { ...spdx2, creationInfo: { ...spdx2.creationInfo, creators: [] } },
      "unreadable: spdx.creationInfo.creators is empty",
    ],
    [
      "a package without a download location",
      { ...spdx2, packages: [{ SPDXID: "SPDXRef-a", name: "a" }] },
      "unreadable: packages[0].downloadLocation is missing",
    ],
    [
      "an id with a blank",
      { ...spdx2, packages: [{ ...spdx2.packages[0], SPDXID: "SPDXRef-a b" }] },
      "unreadable: packages[0].SPDXID SPDXRef-a b is none",
    ],
    [
      "two packages of one id",
      { ...spdx2, packages: [spdx2.packages[0], spdx2.packages[0]] },
      "unreadable: the SPDXID SPDXRef-app stands for two things",
    ],
    [
      "a context from elsewhere",
      { ...spdx3, "@context": "https://spdx.org/rdf/3.1.0/spdx-context.jsonld" },
      "unsupported: the context https://spdx.org/rdf/3.1.0/spdx-context.jsonld is not read",
    ],
    [
      "a graph without a document",
      { ...spdx3, "@graph": spdx3["@graph"].slice(0, 3) },
      "unreadable: the graph has 0 elements SpdxDocument, not one",
    ],
    [
      "an element without creation info",
      { ...spdx3, "@graph": [...spdx3["@graph"], { type: "Tool", spdxId: "urn:x#y" }] },
      "unreadable: @graph[11].creationInfo is missing",
    ],
    [
      "a creation info that leads nowhere",
      { ...spdx3, "@graph": [...spdx3["@graph"], { ...element("Tool", "y"), creationInfo: "_:z" }] },
      "unreadable: @graph[11].creationInfo leads to none",
    ],
    [
      "two things of one id",
      { ...spdx3, "@graph": [...spdx3["@graph"], element("software_File", "f", { name: "g" })] },
      "unreadable: the id urn:x#f stands for two things",
    ],
    [
      "a new OpenVEX",
      { ...vex, "@context": "https://openvex.dev/ns/v1.0.0" },
      "unsupported: OpenVEX 1.0.0 is not read",
    ],
  ])("%s", (_name, document, why) => {
    const reading = readJsonDocument(document);
    expect(reading.kind === "refused" ? `${reading.basis}: ${reading.why}` : reading.kind).toBe(why);
  });

  test.each([
    ["nothing", "", "foreign: it is not JSON"],
    ["half a document", JSON.stringify(cyclonedx).slice(0, -5), "unreadable: it is not JSON"],
    [
      "a name twice",
      '{"bomFormat":"CycloneDX","bomFormat":"CycloneDX"}',
      "unreadable: an object has the same name twice",
    ],
    ["deep nesting", "[".repeat(100_000), "unreadable: it is nested deeper than 64"],
    ["deep components", `{"components":[`.repeat(40), "unreadable: it is nested deeper than 64"],
    ["bytes that are no text", "\u00ff\u00fe", "unreadable: it is not UTF-8"],
    ["prose", "This is our bill of materials.", "foreign: it is not JSON"],
    ["XML", "<?xml version='1.0'?><bom/>", "unsupported: XML is not read: the same document in JSON is"],
  ])("%s", (_name, text, why) => {
    const reading = readDocument(Buffer.from(text, "latin1"));
    expect(reading.kind === "refused" ? `${reading.basis}: ${reading.why}` : reading.kind).toBe(why);
  });

  test("names that every object has are nobody's word", () => {
    const reading = readDocument(Buffer.from('{"__proto__":{"bomFormat":"CycloneDX"},"constructor":1}'));
    expect(reading).toMatchObject({ kind: "refused", basis: "foreign" });
  });

  test("whatever JSON says, there is an answer and no exception", () => {
    assert(property(jsonValue(), (value) => readJsonDocument(value).kind === "refused"));
    assert(
      property(anyJson(), (text) => {
        const inner: unknown = JSON.parse(text);
        for (const document of [
          { ...cyclonedx, components: inner },
          { ...cyclonedx, metadata: inner },
          { ...cyclonedx, vulnerabilities: inner },
          { ...spdx2, packages: inner },
          { ...spdx2, relationships: [inner] },
          { ...spdx3, "@graph": [...spdx3["@graph"], inner] },
          { ...vex, statements: inner },
        ])
          readJsonDocument(document);
      }),
    );
  });
});

describe("what is full is refused", { timeout: 60_000 }, () => {
  test("more bytes than are read", () => {
    const large = Buffer.alloc(sbomLimits.bytes + 1, " ");
    expect(readDocument(large)).toEqual({
      kind: "refused",
      basis: "unsupported",
      why: `it is larger than ${sbomLimits.bytes} bytes`,
    });
  });

  const many = (count: number, item: unknown): readonly unknown[] => Array.from({ length: count }, () => item);
  test.each<readonly [string, object, string]>([
    [
      "components",
      { ...cyclonedx, components: many(sbomLimits.components + 1, {}) },
      "bom.components has 200001 entries, more than 200000",
    ],
    [
      "components inside components",
      {
        ...cyclonedx,
        components: many(2, {
          type: "file",
          name: "x",
          components: many(sbomLimits.components / 2, { type: "file", name: "y" }),
        }),
      },
      "it names more than 200000 components",
    ],
    [
      "packages",
      { ...spdx2, packages: many(sbomLimits.components + 1, {}) },
      "spdx.packages has 200001 entries, more than 200000",
    ],
    [
      "relationships",
      { ...spdx2, relationships: many(sbomLimits.edges + 1, {}) },
      "spdx.relationships has 1000001 entries, more than 1000000",
    ],
    [
      "dependencies of all together",
      {
        ...cyclonedx,
        dependencies: [
          { ref: "app", dependsOn: many(sbomLimits.edges, "a") },
          { ref: "a", dependsOn: ["app"] },
        ],
      },
      "dependencies[1].dependsOn has 1 entries, more than 0",
    ],
    [
      "hashes of one",
      component({ hashes: many(sbomLimits.perItem + 1, {}) }),
      "bom.components[0].hashes has 10001 entries, more than 10000",
    ],
    [
      "statements",
      { ...vex, statements: many(sbomLimits.components + 1, {}) },
      "vex.statements has 200001 entries, more than 200000",
    ],
  ])("%s", (_name, document, why) => {
    expect(readJsonDocument(document)).toMatchObject({ kind: "refused", why });
  });
});

describe("what is odd is told, and the rest is read", () => {
  const problemsOf = (document: unknown): readonly string[] => {
    const reading = readJsonDocument(document);
    if (reading.kind !== "sbom") throw new Error(reading.kind === "refused" ? reading.why : "a VEX");
    return [...reading.sbom.problems, ...(reading.vex?.problems ?? [])];
  };

  test.each<readonly [string, object, readonly string[]]>([
    ["a purl that is none", component({ purl: "npm:left-pad" }), ["a purl that is none: npm:left-pad"]],
    [
      "a digest that is none",
      component({ hashes: [{ alg: "SHA-256", content: "abcd" }] }),
      ["a digest that is not one of its algorithm: abcd"],
    ],
    [
      "a dependency that leads nowhere",
      { ...cyclonedx, dependencies: [{ ref: "app", dependsOn: ["gone"] }] },
      ["a reference leads to nothing in this document: gone"],
    ],
    [
      "a circle",
      {
        ...cyclonedx,
        dependencies: [
          { ref: "app", dependsOn: ["a"] },
          { ref: "a", dependsOn: ["app"] },
        ],
      },
      ["dependencies lead in a circle: app -> a -> app"],
    ],
    [
      "a subject that is not there",
      { ...spdx2, documentDescribes: ["SPDXRef-gone"] },
      ["it describes what it does not name: SPDXRef-gone"],
    ],
    [
      "an element said twice",
      { ...spdx3, "@graph": [...spdx3["@graph"], spdx3["@graph"][6]] },
      ["an element stands in it twice: urn:x#f"],
    ],
    [
      "what is affected and not named",
      { ...cyclonedx, vulnerabilities: [{ id: "x", analysis: { state: "exploitable" }, affects: [{ ref: "gone" }] }] },
      ["a vulnerability affects what the document does not name: gone"],
    ],
  ])("%s", (_name, document, problems) => {
    expect(problemsOf(document)).toEqual(problems);
  });

  test("a thousand odd things are fifty and a number", () => {
    const components = Array.from({ length: 1000 }, (_, at) => ({ type: "file", name: `f${at}`, purl: "none" }));
    const problems = problemsOf({ bomFormat: "CycloneDX", specVersion: "1.6", components });
    expect([problems.length, problems.at(-1)]).toEqual([51, "and 950 more"]);
  });

  test("a chain of 20,000 dependencies is walked without a stack of its length", () => {
    const components = Array.from({ length: 20_000 }, (_, at) => ({ type: "file", "bom-ref": `${at}`, name: "x" }));
    const dependencies = components.slice(1).map((one, at) => ({ ref: `${at}`, dependsOn: [one["bom-ref"]] }));
    expect(problemsOf({ bomFormat: "CycloneDX", specVersion: "1.6", components, dependencies })).toEqual([]);
  });
});
