import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { readJsonDocument } from "@provost/shared/sbom/read.ts";
import { json, sbomVectors, setResult, type SetResult } from "./vectors.ts";

/** The published schema is the judge: one document, changed in one place each time, must be taken or refused by both alike. */
export function openVex(): Promise<SetResult> {
  // The schema's own members for readers of it are not ajv's; an IRI is only looked at as text, as the specification's examples need.
  const ajv = new Ajv2020({ strict: false });
  formats.default(ajv, ["date-time", "uri"]);
  ajv.addFormat("iri", true);
  const valid = ajv.compile(json(sbomVectors("openvex", "openvex_json_schema.json")) as object);
  const results = Object.entries(cases).map(([id, document]) => {
    const reading = readJsonDocument(document);
    const wanted = valid(document);
    const got = reading.kind === "vex" ? "accept" : reading.kind === "refused" ? reading.why : "an SBOM";
    return {
      id,
      asExpected: (got === "accept") === wanted,
      got: `${got}; the schema ${wanted ? "accepts" : "refuses"}`,
    };
  });
  return Promise.resolve(setResult("openvex", results));
}

const product = { "@id": "pkg:npm/left-pad@1.3.0", hashes: { "sha-256": "ab".repeat(32) } };
const statement = {
  vulnerability: { name: "CVE-2026-1" },
  products: [product],
  status: "not_affected",
  justification: "component_not_present",
};
const base = {
  "@context": "https://openvex.dev/ns/v0.2.0",
  "@id": "https://example.org/vex/1",
  author: "Example",
  timestamp: "2026-01-31T12:00:00Z",
  version: 1,
  statements: [statement],
};
const document = (more: object): object => ({ ...base, ...more });
const stating = (more: object): object => document({ statements: [{ ...statement, ...more }] });
const naming = (more: object): object => stating({ products: [{ ...product, ...more }] });
const without = (item: object, name: string): object =>
  Object.fromEntries(Object.entries(item).filter(([key]) => key !== name));

const cases: Readonly<Record<string, object>> = {
  "as it should be": base,
  ...Object.fromEntries(Object.keys(base).map((name) => [`without ${name}`, without(base, name)])),
  "an unknown member": document({ colour: "red" }),
  "all optional members": document({ role: "Author", tooling: "tool", last_updated: "2026-02-01T00:00:00+01:00" }),
  "a version in text": document({ version: "1" }),
  "version 0": document({ version: 0 }),
  "version 1.5": document({ version: 1.5 }),
  "a time that is none": document({ timestamp: "yesterday" }),
  "an author that is no text": document({ author: 1 }),
  "no statement": document({ statements: [] }),
  "statements that are no list": document({ statements: {} }),
  "a statement without a status": document({ statements: [without(statement, "status")] }),
  "a statement without a vulnerability": document({ statements: [without(statement, "vulnerability")] }),
  "a statement without products": document({ statements: [without(statement, "products")] }),
  "a vulnerability as text": stating({ vulnerability: "CVE-2026-1" }),
  "a vulnerability without a name": stating({ vulnerability: { "@id": "https://example.org/CVE-2026-1" } }),
  "a vulnerability with aliases": stating({
    vulnerability: { name: "CVE-2026-1", aliases: ["GHSA-1"], description: "x" },
  }),
  "a vulnerability with an unknown member": stating({ vulnerability: { name: "CVE-2026-1", cvss: 9 } }),
  "a status that is none": stating({ status: "safe" }),
  "a justification that is none": stating({ justification: "trust me" }),
  "not_affected without any reason": document({ statements: [without(statement, "justification")] }),
  "not_affected with an impact statement": document({
    statements: [{ ...without(statement, "justification"), impact_statement: "not built in" }],
  }),
  "affected without an action": stating({ status: "affected" }),
  "affected with an action": stating({ status: "affected", action_statement: "update" }),
  fixed: stating({ status: "fixed" }),
  "under investigation": stating({ status: "under_investigation" }),
  "an unknown member in a statement": stating({ severity: "high" }),
  "all optional members in a statement": stating({
    "@id": "https://example.org/vex/1#1",
    version: 2,
    timestamp: "2026-01-31T12:00:00Z",
    last_updated: "2026-01-31T12:00:00Z",
    supplier: "Example",
    status_notes: "looked at",
  }),
  "a product as text": stating({ products: ["pkg:npm/left-pad@1.3.0"] }),
  "a product without a name": stating({ products: [{ hashes: product.hashes }] }),
  "a product by its purl": stating({ products: [{ identifiers: { purl: "pkg:npm/left-pad@1.3.0" } }] }),
  "a product by no identifier": stating({ products: [{ identifiers: {} }] }),
  "an identifier of an unknown kind": naming({ identifiers: { swid: "x" } }),
  "a digest of an unknown kind": naming({ hashes: { crc32: "00000000" } }),
  "a product with an unknown member": naming({ version: "1" }),
  "a product with a part": naming({ subcomponents: [{ "@id": "pkg:npm/inner@1.0.0" }] }),
  "a part with parts of its own": naming({
    subcomponents: [{ "@id": "pkg:npm/inner@1.0.0", subcomponents: [{ "@id": "pkg:npm/most@1.0.0" }] }],
  }),
  "a part without a name": naming({ subcomponents: [{}] }),
};
