import { expect, test } from "vitest";
import {
  algorithm,
  attribute,
  der,
  forgeCertificate,
  forgeSignedData,
  forgeSigner,
  integer,
  octets,
  oid,
  oidOf,
  sequence,
  set,
  type SignerRequest,
} from "../../../test/support/forge-cms.ts";
import { settle } from "../keys/signature-check.ts";
import { guarded } from "../refusal.ts";
import { parseCertificate } from "./certificate.ts";
import { contentCheck, maxCertificates, maxSigners, readSignedData } from "./cms.ts";
import { readDer } from "./der.ts";

const by = forgeCertificate({ name: "Signer" });
const content = Buffer.from("content");
const signer = (request: Partial<SignerRequest> = {}): Buffer => forgeSigner(content, { by, ...request });
const data = (more: Partial<Parameters<typeof forgeSignedData>[0]> = {}): Buffer =>
  forgeSignedData({ content, certificates: [by], signers: [signer()], ...more });

function outcome(bytes: Buffer): string {
  return guarded(
    () => {
      const { signers, contentType, content: inside } = readSignedData(readDer(bytes), "the signature");
      for (const one of signers)
        settle([contentCheck(one, parseCertificate(by.der), inside ?? content, contentType, "the signature")]);
      return "holds";
    },
    ({ basis, message }) => `${basis}: ${message}`,
  );
}

/** RFC 6211: digest algorithm, then the signature's under [1]. */
const protection = (digest: string, signature: string): Buffer => {
  const tagged = algorithm(signature);
  tagged[0] = 0xa1;
  return attribute("1.2.840.113549.1.9.52", sequence(algorithm(digest), tagged));
};
const twice = (name: string): readonly Buffer[] => [attribute(name, integer(1)), attribute(name, integer(2))];

test.each<[string, Buffer, string]>([
  ["one signer", data(), "holds"],
  [
    "several signers, each of whom has to hold",
    data({ signers: [signer(), signer({ withoutAttributes: true })] }),
    "holds",
  ],
  ["content that lies elsewhere", forgeSignedData({ certificates: [by], signers: [signer()] }), "holds"],
  [
    "its algorithms repeated",
    data({ signers: [signer({ attributes: [protection(oidOf.sha256, oidOf.ecdsaSha256)] })] }),
    "holds",
  ],
  [
    "another digest repeated",
    data({ signers: [signer({ attributes: [protection("2.16.840.1.101.3.4.2.3", oidOf.ecdsaSha256)] })] }),
    "forged: the signature was signed with other algorithms than it says",
  ],
  [
    "another signature algorithm repeated",
    data({ signers: [signer({ attributes: [protection(oidOf.sha256, "1.2.840.10045.4.3.3")] })] }),
    "forged: the signature was signed with other algorithms than it says",
  ],
  [
    "an attribute twice",
    data({ signers: [signer({ attributes: twice("1.2.3.4") })] }),
    "unreadable: the signature's attribute 1.2.3.4 appears twice",
  ],
  [
    "a second digest of the content",
    data({ signers: [signer({ attributes: [attribute(oidOf.messageDigest, octets(content))] })] }),
    "unreadable: the signature's attribute 1.2.840.113549.1.9.4 appears twice",
  ],
  ["no signer", data({ signers: [] }), "unreadable: the signature has no signer"],
  [
    "too many signers",
    data({ signers: Array.from({ length: maxSigners + 1 }, () => signer()) }),
    `unreadable: the signature has more than ${maxSigners} signers`,
  ],
  [
    "too many certificates",
    data({ certificates: Array.from({ length: maxCertificates + 1 }, () => by) }),
    `unreadable: the signature carries more than ${maxCertificates} certificates`,
  ],
  ["another version", data({ version: 3 }), "unsupported: the signature is not of version 1"],
  [
    "MD5",
    data({ signers: [signer({ digestOid: "1.2.840.113549.2.5" })] }),
    "unsupported: the digest MD5 is not accepted",
  ],
  ["other data", sequence(oid(oidOf.data), der(0xa0, octets(content))), "unreadable: this is not signed data"],
  ["nothing at all", sequence(), "unreadable: signed data is missing or of another type"],
  ["lists of revoked certificates", withRevocations(), "unsupported: the signature carries more than certificates"],
])("CMS with %s", (_name, bytes, expected) => {
  expect(outcome(bytes)).toBe(expected);
});

function withRevocations(): Buffer {
  const inner = sequence(
    integer(1),
    set(algorithm(oidOf.sha256)),
    sequence(oid(oidOf.data)),
    der(0xa0, by.der),
    der(0xa1, sequence()),
    set(signer()),
  );
  return sequence(oid(oidOf.signedData), der(0xa0, inner));
}

test("changed in any byte, it never holds", () => {
  const whole = data();
  const survivors: number[] = [];
  for (let at = 0; at < whole.length; at += 1)
    for (const flip of [0x01, 0x80]) {
      const mutant = Buffer.from(whole);
      mutant[at] = (mutant[at] ?? 0) ^ flip;
      // The certificate is the caller's to look for; here it is known, and the copy beside the signature is not read.
      const inCertificate = at >= whole.indexOf(by.der) && at < whole.indexOf(by.der) + by.der.length;
      const inSid = at >= whole.lastIndexOf(by.name) && at < whole.lastIndexOf(by.serial) + by.serial.length;
      if (!inCertificate && !inSid && outcome(mutant) === "holds") survivors.push(at);
    }
  expect(survivors).toEqual([]);
});
