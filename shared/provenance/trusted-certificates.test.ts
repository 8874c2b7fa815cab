import { expect, test } from "vitest";
import { forgeCertificate, pemOf } from "../../test/support/forge-cms.ts";
import { isSigner } from "./criteria.ts";
import { anchorsFor, readTrust, signerRule, type TrustDocument } from "./trust.ts";

const root = forgeCertificate({ name: "Root", authority: true });
const read = (document: TrustDocument): string => {
  const trust = readTrust(document);
  return trust.ok ? `${trust.trust.certificates.length} certificates` : trust.why;
};
const one = { name: "Root", pem: pemOf(root.der), uses: ["jar"] } as const;

test.each<[string, TrustDocument, string]>([
  ["a root for jars", { certificates: [{ ...one, uses: ["jar"] }] }, "1 certificates"],
  // An anchor's own signature is never asked: old roots signed themselves with SHA-1.
  [
    "a root that signed itself by an algorithm that counts no more",
    { certificates: [{ ...one, uses: ["jar"], pem: pemOf(withWeakAlgorithm(root.der)) }] },
    "1 certificates",
  ],
  [
    "something that is no PEM",
    { certificates: [{ ...one, uses: ["jar"], pem: "x" }] },
    'there is no PEM block "CERTIFICATE"',
  ],
  [
    "something that is no certificate",
    { certificates: [{ ...one, uses: ["jar"], pem: pemOf(Buffer.from([0x30, 0])) }] },
    "a certificate is malformed",
  ],
  [
    "a root for nothing",
    { certificates: [{ ...one, uses: [] }] },
    "the trust document is malformed: certificates.0.uses",
  ],
])("%s is read or refused whole", (_name, document, expected) => {
  expect(read(document)).toContain(expected);
});

/** Both places name an algorithm that is not accepted, as ecdsa-with-SHA1 is not; this one has the same length. */
function withWeakAlgorithm(der: Buffer): Buffer {
  const sha256 = Buffer.from("300a06082a8648ce3d040302", "hex");
  const weak = Buffer.from("300a06082a8648ce3d040105", "hex");
  const text = der.toString("latin1").replaceAll(sha256.toString("latin1"), weak.toString("latin1"));
  return Buffer.from(text, "latin1");
}

test("a certificate counts only for the uses it was named for", () => {
  const trust = readTrust({ certificates: [{ ...one, uses: ["jar", "timestamp"] }] });
  const uses = (["jar", "nuget", "timestamp"] as const).map((use) =>
    trust.ok ? anchorsFor(trust.trust, use).length : -1,
  );
  expect(uses).toEqual([1, 0, 1]);
});

test("a rule names a subject under its authority, or one certificate, and no key or identity of another kind", () => {
  const signer = { kind: "subject", authority: "Root", subject: "CN=A", fingerprint: "a".repeat(64) } as const;
  const key = { kind: "key", keyId: "CN=A", name: "CN=A", fingerprint: "a".repeat(64) } as const;
  const rules = [
    signerRule({ authority: "Root", subject: { exact: "CN=A" } }),
    signerRule({ authority: "Other", subject: { exact: "CN=A" } }),
    signerRule({ authority: "Root", subject: { pattern: "CN=" } }),
    signerRule({ certificate: "a".repeat(64) }),
    signerRule({ certificate: "b".repeat(64) }),
    signerRule({ keyId: "CN=A" }),
  ];
  expect(rules.map((rule) => isSigner(rule, signer))).toEqual([true, false, false, true, false, false]);
  expect(rules.map((rule) => isSigner(rule, key))).toEqual([false, false, false, false, false, true]);
});
