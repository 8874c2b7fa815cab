import { expect, test } from "vitest";
import { keysOf } from "./keys.ts";

const [one, two, three] = ["11".repeat(32), "22".repeat(32), "33".repeat(32)];
const bom = {
  bomFormat: "CycloneDX",
  specVersion: "1.5",
  metadata: { component: { type: "file", "bom-ref": "s", name: "s", hashes: [{ alg: "SHA-256", content: one }] } },
  components: [
    { type: "library", "bom-ref": "a", name: "a", purl: "pkg:npm/a@1.0.0" },
    { type: "library", "bom-ref": "a2", name: "a", purl: "pkg:npm/a@1.0.0" },
    {
      type: "file",
      name: "f",
      hashes: [
        { alg: "SHA-256", content: two },
        { alg: "SHA-1", content: "ab".repeat(20) },
      ],
    },
  ],
};
const sha = (hex: string) => ({ algorithm: "sha256", hex });
const keys = {
  kind: "cyclonedx",
  subjects: [sha(one), sha(two)],
  purls: ["pkg:npm/a@1.0.0"],
  describes: { subjects: [sha(one)], purls: [] },
  vulnerabilities: [],
};
const statement = (predicate: unknown) => ({
  _type: "https://in-toto.io/Statement/v1",
  subject: [{ name: "s.tgz", digest: { sha256: three } }],
  predicateType: "https://cyclonedx.org/bom",
  predicate,
});
const around = {
  ...keys,
  subjects: [sha(three), sha(one), sha(two)],
  describes: { subjects: [sha(three), sha(one)], purls: [] },
};
const envelope = (payload: unknown) => ({
  payloadType: "application/vnd.in-toto+json",
  payload: Buffer.from(JSON.stringify(payload)).toString("base64"),
  signatures: [{ sig: "" }],
});
const vex = {
  "@context": "https://openvex.dev/ns/v0.2.0",
  "@id": "urn:x",
  author: "x",
  timestamp: "2026-01-31T12:00:00Z",
  version: 1,
  statements: [
    {
      vulnerability: { name: "CVE-1", aliases: ["GHSA-1"] },
      products: [{ "@id": "pkg:npm/a@1.0.0", hashes: { "sha-256": two } }],
      status: "fixed",
    },
  ],
};
const named = { subjects: [sha(two)], purls: ["pkg:npm/a@1.0.0"] };
const vexKeys = { kind: "openvex", ...named, describes: named, vulnerabilities: ["CVE-1", "GHSA-1"] };

test.each<readonly [string, unknown, unknown]>([
  ["a document by itself", bom, keys],
  ["the predicate of a statement", statement(bom), around],
  ["the predicate as text", statement(JSON.stringify(bom)), around],
  ["the predicate as cosign once wrote it", statement({ Data: JSON.stringify(bom), Timestamp: "" }), around],
  ["an envelope", envelope(statement(bom)), around],
  [
    "a bundle",
    { mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json", dsseEnvelope: envelope(statement(bom)) },
    around,
  ],
  ["a VEX document", vex, vexKeys],
])("the keys of %s", (_name, document, wanted) => {
  expect(keysOf(Buffer.from(JSON.stringify(document)))).toEqual({ ok: true, keys: wanted });
});

test.each<readonly [string, unknown, string, string]>([
  ["a statement of another kind", statement({ builder: {} }), "foreign", "it is no bill of materials and no VEX"],
  [
    "a statement without a subject",
    { ...statement(bom), subject: [] },
    "unreadable",
    "the statement is malformed: subject Too small: expected array to have >=1 items",
  ],
  [
    "a payload that is no base64",
    { ...envelope(bom), payload: "a b" },
    "unreadable",
    "the envelope's payload is malformed base64",
  ],
  [
    "a payload that is no JSON",
    { ...envelope(bom), payload: "AAAA" },
    "unreadable",
    "the statement is not read: it is not JSON",
  ],
  ["a predicate that is damaged", statement({ ...bom, components: 1 }), "unreadable", "bom.components is no list"],
  ["no object", 1, "unreadable", "the document is no object"],
])("%s has no keys, and a reason", (_name, document, basis, why) => {
  expect(keysOf(Buffer.from(JSON.stringify(document)))).toEqual({ ok: false, basis, why });
});
