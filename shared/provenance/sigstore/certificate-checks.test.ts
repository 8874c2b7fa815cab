import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { forgeBundle, type BundleParts } from "../../../test/support/sigstore/forge-bundle.ts";
import {
  authorityDocument,
  issuer,
  logDocument,
  names,
  sigstoreInstance,
  signedAt,
  trustedRoot,
  type InstanceChanges,
  type LeafChanges,
} from "../../../test/support/sigstore/instance.ts";
import { program, readForged, said, subjectOf, type Asked } from "../../../test/support/sigstore/read-forged.ts";
import {
  algorithms,
  alternativeName,
  certificate,
  extension,
  extensions,
  keyPair,
  usages,
} from "../../../test/support/sigstore/write-certificate.ts";
import { boolean, octets, sequence } from "../../../test/support/sigstore/write-der.ts";

const instance = sigstoreInstance();
const other = sigstoreInstance();
const when = (leaf: LeafChanges, more: BundleParts = {}): BundleParts => ({ ...more, leaf });
const outcome = async (parts: BundleParts, asked: Asked = {}, by = instance): Promise<string> =>
  said(await readForged(by, forgeBundle(by, parts), asked));
const workflow = "https://ci.example/owner/repository/.ci/release.yml@refs/heads/main";
const uri = alternativeName.uri(workflow);
const request = (change: NonNullable<LeafChanges["request"]>): LeafChanges => ({ request: change });
const named = (...list: readonly Buffer[]): LeafChanges => ({ names: list });

test.each<[string, LeafChanges, string]>([
  ["as Fulcio issues them", {}, "claims"],
  ["an e-mail address", named(alternativeName.email("someone@example.com")), "claims"],
  ["Fulcio's user name", named(alternativeName.other("1.3.6.1.4.1.57264.1.7", "someone")), "claims"],
  ["a key on P-384", { key: keyPair("P-384") }, "claims"],
  ["a key on P-521", { key: keyPair("P-521") }, "claims"],
  [
    "an Ed25519 key",
    { key: generateKeyPairSync("ed25519") },
    "unchecked unreachable: an Ed25519 signature is made over the file itself",
  ],
  ["an RSA key of 2048 bits", { key: generateKeyPairSync("rsa", { modulusLength: 2048 }) }, "claims"],
  [
    "two identities",
    named(uri, alternativeName.email("someone@example.com")),
    "unchecked unsupported: its certificate names more than one identity",
  ],
  ["no identity", named(), "refuted forged: its certificate names no identity"],
  [
    "a host name",
    named(alternativeName.dns("example.com")),
    "unchecked unsupported: its certificate names an identity that is neither URI",
  ],
  [
    "a user name of an unknown type",
    named(alternativeName.other("1.2.3.4", "someone")),
    "unchecked unsupported: its certificate names an identity of an unknown type",
  ],
  [
    "an empty identity",
    named(alternativeName.uri("")),
    "unchecked unreadable: its certificate names something that is no plain text",
  ],
  [
    "an identity with a NUL",
    named(alternativeName.uri(`${workflow}\0.evil`)),
    "unchecked unreadable: its certificate names something that is no plain text",
  ],
  [
    "an identity that runs backwards",
    named(alternativeName.uri(`\u202e${workflow}`)),
    "unchecked unreadable: its certificate names something that is no plain text",
  ],
  [
    "an identity of 3,000 letters",
    named(alternativeName.uri(`https://${"x".repeat(3000)}`)),
    "unchecked unreadable: its certificate names something that is no plain text",
  ],
  ["another use", { usages: [usages.server] }, "refuted forged: its certificate is not for code signing"],
  [
    "a critical extension nobody knows",
    { extensions: [extension("1.2.3.4", octets(), true)] },
    "unchecked unsupported: the critical extension 1.2.3.4 is not understood",
  ],
  [
    "an extension twice",
    { extensions: [extensions.fulcio(8, issuer)] },
    "unchecked unreadable: the extension 1.3.6.1.4.1.57264.1.8 appears twice",
  ],
  [
    "a criticality that DER does not know",
    { extensions: [sequence(extension("1.2.3", octets()).subarray(2, 6), Buffer.from([1, 1, 1]), octets())] },
    "unchecked unreadable: an extension's criticality is malformed",
  ],
  [
    "a criticality written out as false",
    { extensions: [sequence(extension("1.2.3", octets()).subarray(2, 6), boolean(false), octets())] },
    "unchecked unreadable: an extension's criticality is malformed",
  ],
  [
    "the right to issue",
    { extensions: [extensions.authority()] },
    "refuted forged: the signing certificate is itself an authority",
  ],
  [
    "an RSA key of 1024 bits",
    { key: generateKeyPairSync("rsa", { modulusLength: 1024 }) },
    "unchecked unsupported: an RSA key of 1024 bits is not accepted",
  ],
  [
    "a curve that is not accepted",
    { key: keyPair("secp256k1") },
    "unchecked unsupported: the curve 1.3.132.0.10 is not accepted",
  ],
  [
    "the right to sign certificates",
    {
      request: {
        extensions: [
          extensions.keyUsage(0, 5),
          extensions.extendedUsage(usages.codeSigning),
          extensions.alternativeNames(uri),
        ],
      },
    },
    "refuted forged: the signing certificate is itself an authority",
  ],
  [
    "a part too many",
    request({ behind: [extensions.authority()] }),
    "unchecked unreadable: a certificate has parts that it should not have",
  ],
  [
    "a negative serial number",
    request({ serial: [0x80, 1] }),
    "unchecked unreadable: a certificate's serial number is negative or too long",
  ],
  [
    "a serial number of 21 octets",
    request({ serial: Array.from({ length: 21 }, () => 1) }),
    "unchecked unreadable: a certificate's serial number is negative or too long",
  ],
  [
    "a padded serial number",
    request({ serial: [0, 1] }),
    "unchecked unreadable: a certificate's serial number is not in its shortest form",
  ],
  [
    "a validity that ended before",
    request({ until: signedAt - 1000 }),
    "refuted forged: a certificate of the chain was not valid at the time of signing",
  ],
  [
    "a validity that began after",
    request({ from: signedAt + 1000 }),
    "refuted forged: a certificate of the chain was not valid at the time of signing",
  ],
  ["a validity that ends with the very second", request({ until: Math.floor(signedAt / 1000) * 1000 }), "claims"],
  ["a validity until the year 9999", request({ until: Date.parse("9999-12-31T23:59:59Z") }), "claims"],
  [
    "a signature with SHA-1",
    request({ algorithm: "ecdsa-sha1" }),
    `unchecked unsupported: the signature algorithm ${algorithms["ecdsa-sha1"].oid} is not accepted`,
  ],
  [
    "a signature with RSA-PSS",
    request({ algorithm: "rsa-pss" }),
    `unchecked unsupported: the signature algorithm ${algorithms["rsa-pss"].oid} is not accepted`,
  ],
  [
    "a signature by another key",
    request({ signedBy: other.intermediate.privateKey }),
    "refuted forged: a certificate's signature by its issuer does not verify",
  ],
  [
    "an issuer nobody named",
    request({ issuer: "another" }),
    "unchecked stale-trust: its certificate was issued by an authority that the trust document does not name",
  ],
  ["no log's stamp", { withoutStamp: true }, "refuted forged: its certificate carries no certificate-log timestamp"],
  [
    "the stamp of a log nobody named",
    { stampedBy: other.certificateLog },
    "unchecked stale-trust: its certificate was logged by a certificate log that the trust document does not name",
  ],
  [
    "a stamp for another issuer's key",
    { stampedFor: other.intermediate },
    "refuted forged: the certificate log's timestamp does not verify",
  ],
  [
    "a stamp from before the log was trusted",
    { stampedAt: Date.parse("2020-01-01T00:00:00Z") },
    "refuted forged: its certificate was logged when that log was not trusted",
  ],
])("a certificate with %s", async (_name, leaf, expected) => {
  expect(await outcome(when(leaf))).toContain(expected);
});

test("a certificate that signed itself is of no authority", async () => {
  const key = keyPair("P-256");
  const leaf = request({ subject: "me", issuer: "me", signedBy: key.privateKey, algorithm: "ecdsa-sha256" });
  expect(await outcome(when({ ...leaf, key }))).toContain(
    "unchecked stale-trust: its certificate was issued by an authority",
  );
});

test("an Ed25519 signature holds over the bytes", async () => {
  const key = generateKeyPairSync("ed25519");
  expect(await outcome(when({ key }), { subject: subjectOf(program, { bytes: program }) })).toContain("claims");
});

test.each<[string, NonNullable<InstanceChanges["intermediate"]>, string]>([
  ["may not issue", { extensions: [extensions.keyUsage(5)] }, "may not issue others"],
  [
    "may issue but not sign certificates",
    { extensions: [extensions.authority(), extensions.keyUsage(0)] },
    "may not issue others",
  ],
])("an authority that %s is refused with its root", async (_name, change, why) => {
  const by = sigstoreInstance({ intermediate: change });
  await expect(outcome({}, {}, by)).rejects.toThrow(why);
});

test.each<[string, Buffer[], string]>([
  [
    "an authority for another use",
    [extensions.authority(0), extensions.extendedUsage(usages.timeStamping)],
    "refuted forged: a certificate in the chain was issued for another use",
  ],
  ["an authority for any use", [extensions.authority(0), extensions.extendedUsage("2.5.29.37.0")], "claims"],
  ["an authority without a word on uses", [extensions.authority()], "claims"],
])("%s", async (_name, list, expected) => {
  const by = sigstoreInstance({ intermediate: { extensions: list } });
  expect(await outcome({}, {}, by)).toContain(expected);
});

const below = keyPair("P-256");
const intermediateBelow = (by: typeof instance, from = signedAt - 1000): Buffer =>
  certificate({
    subject: "below",
    issuer: names.intermediate,
    key: below.publicKey,
    signedBy: by.intermediate.privateKey,
    from,
    until: signedAt + 5000,
    extensions: [extensions.authority()],
  }).der;
const fromBelow: LeafChanges = {
  request: { issuer: "below", signedBy: below.privateKey, algorithm: "ecdsa-sha256" },
  stampedFor: below,
};

test("a chain longer than its authority allows is refused", async () => {
  const above = [intermediateBelow(instance)];
  expect(await outcome({ version: "0.2", leaf: fromBelow, above })).toContain(
    "refuted forged: a certificate in the chain may not issue other authorities",
  );
});

test("a longer chain holds where the authority allows it", async () => {
  const by = sigstoreInstance({ intermediate: { extensions: [extensions.authority(1)] } });
  expect(await outcome({ version: "0.2", leaf: fromBelow, above: [intermediateBelow(by)] }, {}, by)).toContain(
    "claims",
  );
  const late = intermediateBelow(by, signedAt + 2000);
  expect(await outcome({ version: "0.2", leaf: fromBelow, above: [late] }, {}, by)).toContain(
    "was not valid at the time of signing",
  );
});

test("an authority may have an RSA key", async () => {
  const by = sigstoreInstance({ intermediateKey: generateKeyPairSync("rsa", { modulusLength: 2048 }) });
  const parts = when(request({ algorithm: "rsa-sha256" }));
  expect(said(await readForged(by, forgeBundle(by, parts)))).toContain("claims");
  const broken = when(
    request({ algorithm: "rsa-sha256", signedBy: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey }),
  );
  expect(said(await readForged(by, forgeBundle(by, broken)))).toContain("does not verify");
});

test("certificates that the root holds already are superfluous and harmless", async () => {
  const above = [instance.certificates.intermediate, instance.certificates.root];
  expect(await outcome({ version: "0.1", above })).toContain("claims");
});

test("a certificate that plays no part is refused", async () => {
  const above = [other.certificates.intermediate];
  expect(await outcome({ version: "0.1", above })).not.toContain("claims");
});

test("of two authorities of one name the one that signed is found", async () => {
  const [ours, decoy] = [instance, other].map(({ certificates }) =>
    authorityDocument("https://ca.example", certificates.intermediate, certificates.root),
  );
  for (const certificateAuthorities of [
    [decoy, ours],
    [ours, decoy],
  ])
    expect(await outcome({}, { root: trustedRoot(instance, { certificateAuthorities }) })).toContain("claims");
});

test("an authority vouches in its window only, and its last second belongs to it", async () => {
  const until = (end: number): Asked => ({
    root: trustedRoot(instance, {
      certificateAuthorities: [
        {
          ...authorityDocument("https://ca.example", instance.certificates.intermediate, instance.certificates.root),
          validFor: { start: "2025-01-01T00:00:00Z", end: new Date(end).toISOString() },
        },
      ],
    }),
  });
  expect(await outcome({}, until(signedAt - 1000))).toContain(
    "refuted forged: its certificate's authority was not trusted at the time of signing",
  );
  expect(await outcome({}, until(Math.floor(signedAt / 1000) * 1000))).toContain("claims");
});

test("a certificate log that is named for two windows is found by the stamp's own time", async () => {
  const early = { start: "2025-01-01T00:00:00Z", end: "2025-06-01T00:00:00Z" };
  const ctlogs = [early, { start: "2025-09-01T00:00:00Z" }].map((window) =>
    logDocument("certificates.example", instance.certificateLog, window),
  );
  expect(await outcome({}, { root: trustedRoot(instance, { ctlogs }) })).toContain("claims");
  expect(await outcome({}, { root: trustedRoot(instance, { ctlogs: ctlogs.slice(0, 1) }) })).toContain(
    "refuted forged: its certificate was logged when that log was not trusted",
  );
});
