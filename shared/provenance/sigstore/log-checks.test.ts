import { expect, test } from "vitest";
import { forgeBundle, type BundleParts, type EntryParts } from "../../../test/support/sigstore/forge-bundle.ts";
import {
  b64,
  logDocument,
  names,
  sigstoreInstance,
  signedAt,
  tilesDocument,
  trustedRoot,
} from "../../../test/support/sigstore/instance.ts";
import { program, readForged, said, subjectOf, type Asked } from "../../../test/support/sigstore/read-forged.ts";
import { keyPair, spkiOf } from "../../../test/support/sigstore/write-certificate.ts";

const instance = sigstoreInstance();
const other = sigstoreInstance();
const outcome = async (parts: BundleParts, asked: Asked = {}): Promise<string> =>
  said(await readForged(instance, forgeBundle(instance, parts), asked));
const one = (entry: EntryParts, more: BundleParts = {}): BundleParts => ({ ...more, entries: [entry] });
const statement = {
  payload: Buffer.from(
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "program", digest: { sha256: subjectOf(program).sha256 } }],
      predicateType: "https://in-toto.io/attestation/release/v0.1",
      predicate: {},
    }),
  ),
  payloadType: "application/vnd.in-toto+json",
};
type Json = Record<string, unknown>;
const proofOf = (entry: Json): Json => entry["inclusionProof"] as Json;
const withProof = (change: (proof: Json) => Json): EntryParts => ({
  document: (entry) => ({ ...entry, inclusionProof: change(proofOf(entry)) }),
});
const spec = (change: (spec: Json) => unknown): EntryParts => ({
  body: (body) => ({ ...body, spec: change(body["spec"] as Json) }),
});

const promised: EntryParts = { proof: false };
const proven: EntryParts = { promise: false };
const tiles: EntryParts = { log: "tiles" };
const stamped = { stamps: [{}] };

test.each<[string, BundleParts, string]>([
  ["0.1 with a promise", one(promised, { version: "0.1" }), "claims"],
  ["0.1 with a promise and a proof", one({}, { version: "0.1" }), "claims"],
  [
    "0.1 with a proof alone",
    one(proven, { version: "0.1", ...stamped }),
    "unreadable: a 0.1 bundle's log entry needs an inclusion promise",
  ],
  [
    "0.2 with a promise alone",
    one(promised, { version: "0.2" }),
    "unreadable: a 0.2 bundle's log entry needs an inclusion proof",
  ],
  ["0.3 with a promise alone", one(promised), "unreadable: a 0.3 bundle's log entry needs an inclusion proof"],
  ["0.3 with a proof and a timestamp", one(proven, stamped), "claims"],
  ["0.3 with a proof and no time", one(proven), "unchecked no-time-proof: nothing proves when it was signed"],
  ["rekor v2 with a timestamp", one(tiles, stamped), "claims"],
  ["rekor v2 without a timestamp", one(tiles), "unchecked no-time-proof"],
  ["both logs", { entries: [{}, tiles] }, "claims"],
  [
    "both logs, the second one's checkpoint by another key",
    { entries: [{}, { ...tiles, noteBy: other.tiles }] },
    "refuted forged: the log's checkpoint does not verify",
  ],
  ["no log", { entries: [] }, "unchecked no-time-proof"],
  [
    "no log but a timestamp",
    { entries: [], ...stamped },
    "unchecked unreachable: no transparency log entry comes with it",
  ],
])("a bundle %s", async (_name, parts, expected) => {
  expect(await outcome(parts)).toContain(expected);
});

test.each<[string, EntryParts, string]>([
  ["another log's origin", { origin: "other.example - 1" }, "refuted forged: the checkpoint is not signed by the log"],
  [
    "an origin that only begins alike",
    { origin: `${names.log}.evil` },
    "refuted forged: the checkpoint is not signed by the log",
  ],
  [
    "a signature under another name",
    { noteName: "other.example", origin: `${names.log} - 1` },
    "refuted forged: the checkpoint is not signed by the log",
  ],
  [
    "a signature with another key's hint",
    { noteHint: Buffer.from("abcd") },
    "refuted forged: the checkpoint is not signed by the log",
  ],
  ["a signature by another key", { noteBy: other.log }, "refuted forged: the log's checkpoint does not verify"],
  [
    "a witness's signature beside the log's",
    { extraNotes: [`\u2014 witness.example ${b64(Buffer.alloc(76, 7))}`] },
    "claims",
  ],
  [
    "the log's name with another key before its own",
    { extraNotes: [`\u2014 ${names.log} ${b64(Buffer.alloc(76, 7))}`] },
    "claims",
  ],
  [
    "a line that is no signature",
    { extraNotes: ["hello"] },
    "unchecked unreadable: the checkpoint's signatures are malformed",
  ],
  [
    "65 signatures",
    { extraNotes: Array.from({ length: 64 }, () => `\u2014 witness.example ${b64(Buffer.alloc(76, 7))}`) },
    "unchecked unreadable: the checkpoint's signatures are malformed",
  ],
  [
    "another root than the proof's",
    withProof((proof) => ({ ...proof, rootHash: b64(Buffer.alloc(32)) })),
    "refuted forged: the proof of inclusion is for another checkpoint",
  ],
  [
    "another size than the proof's",
    withProof((proof) => ({ ...proof, treeSize: "2" })),
    "refuted forged: the proof of inclusion is for another checkpoint",
  ],
  [
    "a proof beyond the tree",
    withProof((proof) => ({ ...proof, logIndex: "5" })),
    "refuted forged: the proof of inclusion names a place beyond the log's end",
  ],
  [
    "a proof too long",
    withProof((proof) => ({ ...proof, hashes: [b64(Buffer.alloc(32))] })),
    "refuted forged: the proof of inclusion is too long",
  ],
  [
    "a hash of 31 octets",
    withProof((proof) => ({ ...proof, hashes: [b64(Buffer.alloc(31))] })),
    "unchecked unreadable: the proof of inclusion holds a hash of another length",
  ],
  [
    "65 hashes",
    withProof((proof) => ({ ...proof, hashes: Array.from({ length: 65 }, () => b64(Buffer.alloc(32))) })),
    "unchecked unreadable: the bundle is malformed",
  ],
  [
    "a proof without a checkpoint",
    withProof((proof) => ({ ...proof, checkpoint: undefined })),
    "unchecked unreadable: a 0.3 bundle's log entry needs an inclusion proof",
  ],
])("a checkpoint or proof with %s", async (_name, entry, expected) => {
  expect(await outcome(one(entry))).toContain(expected);
});

const pemOf = (label: string, bytes: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${b64(bytes)}\n-----END ${label}-----\n`;
const otherKey = b64(pemOf("PUBLIC KEY", spkiOf(keyPair("P-256").publicKey)));

test.each<[string, BundleParts, string]>([
  [
    "another signature",
    one(spec((was) => ({ ...was, signature: { ...(was["signature"] as Json), content: b64("x") } }))),
    "refuted forged: the log entry is for another signature",
  ],
  [
    "another signer",
    one(spec((was) => ({ ...was, signature: { ...(was["signature"] as Json), publicKey: { content: otherKey } } }))),
    "refuted forged: the log entry is for another signer",
  ],
  [
    "another digest",
    one(spec((was) => ({ ...was, data: { hash: { algorithm: "sha256", value: "0".repeat(64) } } }))),
    "refuted forged: the log entry is for other content",
  ],
  [
    "a digest that nobody accepts",
    one(spec((was) => ({ ...was, data: { hash: { algorithm: "sha1", value: "0".repeat(40) } } }))),
    "unchecked unsupported: the digest sha1 is not accepted",
  ],
  [
    "another kind than it says",
    one({ body: (was) => ({ ...was, kind: "dsse" }) }),
    "refuted forged: the log entry is of another kind than the bundle says",
  ],
  [
    "another version than it says",
    one({ body: (was) => ({ ...was, apiVersion: "0.0.9" }) }),
    "refuted forged: the log entry is of another kind than the bundle says",
  ],
  [
    "a kind that nobody reads",
    one({
      body: (was) => ({ ...was, kind: "rpm" }),
      document: (was) => ({ ...was, kindVersion: { kind: "rpm", version: "0.0.1" } }),
    }),
    "unchecked unsupported: log entries of kind rpm 0.0.1 are not read",
  ],
  [
    "a message where an envelope is signed",
    one({ kind: "dsse" }),
    "refuted forged: the log entry is for an envelope, and the bundle signs a message",
  ],
  [
    "an envelope's digest where its encoding is meant",
    one(
      {
        kind: "hashedrekord",
        ...spec((was) => ({
          ...was,
          data: { hash: { algorithm: "sha256", value: subjectOf(statement.payload).sha256 } },
        })),
      },
      { signs: statement },
    ),
    "refuted forged: the log entry is for other content",
  ],
  [
    "another payload type (intoto)",
    one(
      spec((was) => ({
        ...was,
        content: {
          ...(was["content"] as Json),
          envelope: { ...((was["content"] as Json)["envelope"] as Json), payloadType: "text/plain" },
        },
      })),
      { signs: statement },
    ),
    "refuted forged: the log entry is for another payload type",
  ],
  [
    "two signatures (dsse)",
    one(
      {
        kind: "dsse",
        ...spec((was) => ({ ...was, signatures: [0, 1].flatMap(() => was["signatures"] as unknown[]) })),
      },
      { signs: statement },
    ),
    "unchecked unreadable: the log entry is malformed",
  ],
  ["a body that is not JSON", one({ body: () => "hello" }), "it is not JSON"],
])("an entry about %s", async (_name, parts, expected) => {
  expect(await outcome(parts)).toContain(expected);
});

test("a log named by its key alone may sign under its pod's name, one whose id binds its name may not", async () => {
  expect(await outcome(one({ noteName: "rekor-00001-deployment-56bf7777c9-jds5x" }))).toContain("claims");
  expect(await outcome(one({ ...tiles, noteName: "other.example" }, stamped))).toBe(
    "refuted forged: the checkpoint is of another log",
  );
});

test.each(["dsse", "intoto", "hashedrekord"] as const)("an envelope logged as %s holds", async (kind) => {
  expect(await outcome(one({ kind }, { signs: statement }))).toBe("claims claimed");
});

test.each(["dsse", "hashedrekord"] as const)("an envelope logged by rekor v2 as %s holds", async (kind) => {
  expect(await outcome(one({ ...tiles, kind }, { signs: statement, ...stamped }))).toBe("claims claimed");
});

const window = (tlogs: readonly unknown[]): Asked => ({ root: trustedRoot(instance, { tlogs }) });
const iso = (at: number): string => new Date(at).toISOString();
const day = 86_400_000;
const second = Math.floor(signedAt / 1000) * 1000;

test.each<[string, BundleParts, Asked, string]>([
  [
    "ended before the promise",
    one({}),
    window([logDocument(names.log, instance.log, { start: iso(0), end: iso(second - 1) })]),
    "refuted forged: the log's key was not trusted at the time of its promise",
  ],
  [
    "ended with the promise",
    one({}),
    window([logDocument(names.log, instance.log, { start: iso(0), end: iso(second) })]),
    "claims",
  ],
  [
    "began after the promise",
    one({}),
    window([logDocument(names.log, instance.log, { start: iso(second + 1) })]),
    "refuted forged: the log's key was not trusted at the time of its promise",
  ],
  [
    "is named for two windows",
    one({}),
    window([
      logDocument(names.log, instance.log, { start: iso(0), end: iso(day) }),
      logDocument(names.log, instance.log, { start: iso(2 * day) }),
    ]),
    "claims",
  ],
  [
    "ended before the timestamp (rekor v2)",
    one(tiles, stamped),
    window([tilesDocument(instance, { start: iso(0), end: iso(second - 1) })]),
    "refuted forged: the log's key was not trusted at the time of signing",
  ],
  [
    "began after the timestamp (rekor v2)",
    one(tiles, stamped),
    window([tilesDocument(instance, { start: iso(second + day) })]),
    "refuted forged: the log's key was not trusted at the time of signing",
  ],
  [
    "ended with the timestamp (rekor v2)",
    one(tiles, stamped),
    window([tilesDocument(instance, { start: iso(0), end: iso(second) })]),
    "claims",
  ],
  ["is not named", one({}), window([tilesDocument(instance)]), "unchecked stale-trust: its log entry is of log"],
])("a log whose key %s", async (_name, parts, asked, expected) => {
  expect(await outcome(parts, asked)).toContain(expected);
});

const key = keyPair("P-256");
const managed = { hint: "release", leaf: { key } };
const keys: Asked = {
  trust: {
    keys: [{ id: "release", pem: key.publicKey.export({ type: "spki", format: "pem" }).toString(), uses: ["bundle"] }],
  },
};

test("a managed key needs no time, but then its log has to be trusted now", async () => {
  expect(await outcome(one(tiles, managed), keys)).toBe("claims publisher");
  const ended = window([tilesDocument(instance, { start: iso(0), end: iso(second) })]);
  expect(await outcome(one(tiles, managed), { ...keys, ...ended })).toBe(
    "unchecked no-time-proof: its log's key is not trusted any more and nothing proves when it was signed",
  );
});

test.each<[string, EntryParts, Asked, string]>([
  [
    "after the certificate's end",
    { at: signedAt + 3_000_000 },
    {},
    "refuted forged: a certificate of the chain was not valid at the time of signing",
  ],
  [
    "before the certificate's beginning",
    { at: signedAt - 3_000_000 },
    {},
    "refuted forged: a certificate of the chain was not valid at the time of signing",
  ],
  [
    "in the future",
    {},
    { now: signedAt - day },
    "unchecked no-time-proof: it was signed after the time it is judged at",
  ],
  ["a minute in the future, as clocks may differ", {}, { now: signedAt - 60_000 }, "claims"],
  [
    "beyond the year 9999",
    { document: (was) => ({ ...was, integratedTime: "999999999999999" }) },
    {},
    "unchecked unreadable: a log entry's time is beyond the year 9999",
  ],
  [
    "below zero",
    { document: (was) => ({ ...was, integratedTime: "-1" }) },
    {},
    "unchecked unreadable: the bundle is malformed",
  ],
  [
    "that the log did not promise",
    { document: (was) => ({ ...was, integratedTime: String(signedAt / 1000 + 1) }) },
    {},
    "refuted forged: the log's promise of inclusion does not verify",
  ],
])("a time %s", async (_name, entry, asked, expected) => {
  expect(await outcome(one(entry), asked)).toContain(expected);
});

test("the same entry twice adds nothing", async () => {
  const bundle = forgeBundle(instance);
  const material = bundle["verificationMaterial"] as Json;
  const [entry] = material["tlogEntries"] as unknown[];
  const twice = { ...bundle, verificationMaterial: { ...material, tlogEntries: [entry, entry] } };
  expect(said(await readForged(instance, twice))).toContain(
    "unchecked unreadable: the bundle brings the same log entry or timestamp twice",
  );
});

test("an entry swapped in from another bundle is no entry of this one", async () => {
  const [mine, theirs] = [forgeBundle(instance), forgeBundle(instance)];
  const material = (of: Json): Json => of["verificationMaterial"] as Json;
  const swapped = {
    ...mine,
    verificationMaterial: { ...material(mine), tlogEntries: material(theirs)["tlogEntries"] },
  };
  expect(said(await readForged(instance, swapped))).toContain("refuted forged: the log entry is for another");
});
