import { hash } from "node:crypto";
import { assert, nat, property } from "fast-check";
import { expect, test } from "vitest";
import { documentKeys, maxDigests, maxNames, type DocumentKeys } from "./document-keys.ts";
import type { SubjectDigest } from "./said.ts";
import type { Sha256 } from "../model/ids.ts";

const digest = (letter: string): string => letter.repeat(64);
const named = (letter: string): SubjectDigest => ({ algorithm: "sha256", hex: digest(letter) });
const read = (bytes: Uint8Array | string, subject?: SubjectDigest) => {
  const buffer = Buffer.from(bytes);
  return documentKeys({ bytes: buffer, sha256: hash("sha256", buffer, "hex") as Sha256 }, subject);
};
const keysIn = (bytes: Uint8Array | string, subject?: SubjectDigest): DocumentKeys => {
  const found = read(bytes, subject);
  if (found.kind === "refused") throw new Error(found.why);
  return found.keys;
};
const whyNot = (bytes: Uint8Array | string, subject?: SubjectDigest): string => {
  const found = read(bytes, subject);
  return found.kind === "refused" ? found.why : `filed as ${found.keys.kind}`;
};

type Subjects = readonly { readonly name?: string; readonly digest: Readonly<Record<string, string>> }[];
const statement = (
  subject: Subjects,
  predicateType = "https://slsa.dev/provenance/v1",
  predicate: unknown = provenance,
) => ({
  _type: "https://in-toto.io/Statement/v1",
  subject,
  predicateType,
  predicate,
});
const provenance = {
  buildDefinition: {
    buildType: "https://actions.github.io/buildtypes/workflow/v1",
    externalParameters: {
      workflow: { repository: "https://github.com/o/r", ref: "refs/heads/main", path: ".github/x.yml" },
    },
    resolvedDependencies: [
      { uri: "git+https://github.com/o/r@refs/heads/main", digest: { gitCommit: "c".repeat(40) } },
    ],
  },
  runDetails: { builder: { id: "https://github.com/actions/runner/github-hosted" } },
};
const envelope = (payload: unknown, keyid = "key-1") =>
  JSON.stringify({
    payload: Buffer.from(JSON.stringify(payload)).toString("base64"),
    payloadType: "application/vnd.in-toto+json",
    signatures: [{ keyid, sig: "AAAA" }],
  });

test("a statement is filed under its digests, package, source, commit, builder, signer and predicate", () => {
  const subjects = [
    { name: "pkg:npm/%40o/r@1.0.0", digest: { sha256: digest("a"), sha512: "b".repeat(128), md5: "d".repeat(32) } },
  ];
  expect(keysIn(envelope(statement(subjects)))).toEqual({
    kind: "dsse",
    subjects: [
      { algorithm: "sha256", hex: digest("a") },
      { algorithm: "sha512", hex: "b".repeat(128) },
    ],
    purls: ["pkg:npm/%40o/r@1.0.0"],
    repositories: ["github.com/o/r"],
    sources: ["github.com/o/r"],
    commits: ["c".repeat(40)],
    builders: ["https://github.com/actions/runner/github-hosted"],
    signers: ["key-1"],
    predicates: ["https://slsa.dev/provenance/v1"],
  });
});

test("a statement about a commit is filed under the commit, and needs no other subject", () => {
  const about = envelope(
    statement([{ digest: { gitCommit: "e".repeat(40) } }], "https://in-toto.io/attestation/svr/v0.1", {}),
  );
  expect(keysIn(about)).toMatchObject({ subjects: [], commits: ["e".repeat(40)] });
});

test.each([
  ["upper-case digits", digest("A")],
  ["a digest that is too short", "a".repeat(63)],
  ["something else", `${"a".repeat(62)}zz`],
  ["white space", ` ${digest("a").slice(1)}`],
])("%s are no digest, and no other spelling is made of them", (_name, text) => {
  expect(whyNot(envelope(statement([{ digest: { sha256: text } }], "https://x", {})))).toMatch(
    /names nothing that it is about/,
  );
});

test("provenance that is malformed is filed under what the statement around it says", () => {
  const found = keysIn(
    envelope(statement([{ digest: { sha256: digest("a") } }], "https://slsa.dev/provenance/v1", { x: 1 })),
  );
  expect(found).toMatchObject({ subjects: [named("a")], builders: [], repositories: [] });
});

test("what a registry signs is filed under the package and its sha512", () => {
  const integrity = `sha512-${Buffer.alloc(64, 7).toString("base64")}`;
  const manifest = {
    name: "@o/r",
    version: "1.2.3",
    dist: { integrity, signatures: [{ keyid: "SHA256:k", sig: "AAAA" }] },
  };
  expect(keysIn(JSON.stringify(manifest))).toMatchObject({
    kind: "npm-signature",
    subjects: [{ algorithm: "sha512", hex: "07".repeat(64) }],
    purls: ["pkg:npm/%40o/r@1.2.3"],
    signers: ["SHA256:k"],
  });
});

test("a clear-signed list is filed under each digest of its signed text, and under none beside it", () => {
  const list = `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${digest("a")}  one\n${"b".repeat(128)} two\n-----BEGIN PGP SIGNATURE-----\n\n${digest("c")}\n-----END PGP SIGNATURE-----\n`;
  expect(keysIn(list).subjects.map(({ hex }) => hex)).toEqual([digest("a"), "b".repeat(128)]);
});

const minisign = `untrusted comment: x\n${Buffer.concat([Buffer.from("ED"), Buffer.alloc(72, 1)]).toString("base64")}\n`;

test.each([
  ["CycloneDX", { bomFormat: "CycloneDX", specVersion: "1.6", components: 5 }],
  ["SPDX", { spdxVersion: "SPDX-2.3", packages: 5 }],
  ["OpenVEX", { "@context": "https://openvex.dev/ns/v0.2.0", statements: 5 }],
])("a %s document that is malformed is refused as what it is", (_name, document) => {
  expect(whyNot(JSON.stringify(document))).not.toMatch(/no format|filed as/);
});

test("a statement of exploitability is filed under its products", () => {
  const vex = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://x/1",
    author: "a",
    timestamp: "2026-01-01T00:00:00Z",
    version: 1,
    statements: [
      {
        vulnerability: { name: "CVE-2026-1" },
        products: [{ "@id": "pkg:npm/a@1", hashes: { "sha-256": digest("a") } }],
        status: "not_affected",
        justification: "component_not_present",
      },
    ],
  };
  expect(keysIn(JSON.stringify(vex))).toMatchObject({
    kind: "openvex",
    subjects: [named("a")],
    purls: ["pkg:npm/a@1"],
  });
});

test("a signature that names no file is filed under the one that is named for it, and refused without", () => {
  expect(whyNot(minisign)).toMatch(/names nothing that it is about/);
  expect(keysIn(minisign, named("a"))).toMatchObject({
    kind: "minisign",
    subjects: [named("a")],
    signers: ["0101010101010101"],
  });
  const detached = "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n";
  expect(whyNot(detached)).toMatch(/names nothing/);
  expect(keysIn(detached, named("a"))).toMatchObject({ kind: "openpgp", subjects: [named("a")] });
});

test("a subject that is named for a document has to be one of its own, where the two can be compared", () => {
  const own = envelope(statement([{ digest: { sha256: digest("a") } }]));
  expect(keysIn(own, named("a")).subjects).toEqual([named("a")]);
  expect(whyNot(own, named("b"))).toMatch(/about other files/);
  const sha512 = { algorithm: "sha512", hex: "b".repeat(128) } as const;
  expect(keysIn(own, sha512).subjects).toEqual([named("a"), sha512]);
});

test.each<readonly [string, string, RegExp]>([
  ["nothing", "", /no format/],
  ["text", "hello", /no format/],
  ["a program", "\u007fELF", /no format/],
  ["JSON of no format", "{}", /no format/],
  ["an envelope cut short", envelope(statement([])).slice(0, -5), /not read/],
  ["a member twice", `{"payload":"","payload":"","payloadType":"x","signatures":[]}`, /twice/],
  ["nesting", `{"payload":${"[".repeat(100)}${"]".repeat(100)}}`, /deeper/],
  ["another payload", envelope(statement([])).replace("vnd.in-toto+json", "vnd.other"), /payload type/],
  ["a statement without subject", envelope(statement([])), /malformed/],
])("%s is refused with its reason, never with a fault", (_name, text, why) => {
  expect(whyNot(text)).toMatch(why);
});

test("no change of a byte and no cut makes the reading of a document fail in another way than by refusing", () => {
  const whole = Buffer.from(envelope(statement([{ name: "pkg:npm/a@1", digest: { sha256: digest("a") } }])));
  const anywhere = nat(whole.length - 1);
  assert(
    property(anywhere, nat(255), anywhere, (at, byte, end) => {
      const changed = Buffer.from(whole);
      changed[at] = byte;
      for (const bytes of [changed, changed.subarray(0, end)]) expect(["keys", "refused"]).toContain(read(bytes).kind);
    }),
    { numRuns: 500 },
  );
});

test("more digests than the bound are refused; a bill that names more packages is filed under what it describes", () => {
  // Each subject has both kinds of digest, so that the statement stays within its own bound.
  const subjects = Array.from({ length: maxDigests / 2 + 1 }, (_, at) => ({
    digest: { sha256: at.toString(16).padStart(64, "0"), sha512: at.toString(16).padStart(128, "0") },
  }));
  expect(whyNot(envelope(statement(subjects.slice(0, -1), "https://x", {})))).toBe("filed as dsse");
  expect(whyNot(envelope(statement(subjects, "https://x", {})))).toMatch(/malformed|more than/);
  const components = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ type: "library", name: `p${at}`, purl: `pkg:npm/p${at}@1` }));
  const described = { type: "application", name: "app", purl: "pkg:npm/app@1", "bom-ref": "app" };
  const bill = (count: number) =>
    JSON.stringify({
      bomFormat: "CycloneDX",
      specVersion: "1.6",
      metadata: { component: described },
      components: components(count),
    });
  expect(keysIn(bill(3))).toMatchObject({
    kind: "cyclonedx",
    purls: ["pkg:npm/app@1", "pkg:npm/p0@1", "pkg:npm/p1@1", "pkg:npm/p2@1"],
  });
  expect(keysIn(bill(maxNames + 1)).purls).toEqual(["pkg:npm/app@1"]);
});

test("a signed bill is filed by its own subject and the packages it names, not by the digests inside", () => {
  const bom = (count: number) => ({
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    components: [
      { type: "file", name: "f", hashes: [{ alg: "SHA-256", content: digest("c") }] },
      ...Array.from({ length: count }, (_, at) => ({ type: "library", name: `p${at}`, purl: `pkg:npm/P${at}@1` })),
    ],
  });
  const signed = (predicate: unknown) =>
    keysIn(envelope(statement([{ digest: { sha256: digest("a") } }], "https://cyclonedx.org/bom/v1.6", predicate)));
  const subjects = [named("a")];
  expect(signed(bom(1))).toMatchObject({ kind: "dsse", subjects, purls: ["pkg:npm/p0@1"] });
  expect(signed(bom(maxNames + 1))).toMatchObject({ subjects, purls: [] });
  expect(signed({ ...bom(1), components: 1 })).toMatchObject({ subjects, purls: [] });
});
