import { createHash, sign } from "node:crypto";
import { unzipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { forgeZip, type ForgedEntry } from "../../../../test/support/forge-zip.ts";
import {
  ecKeys,
  forgeCertificate,
  forgeSignedData,
  forgeSigner,
  forgeToken,
  attribute,
  oidOf,
  pemOf,
  type ForgedCertificate,
} from "../../../../test/support/forge-cms.ts";
import { instant, sha256 } from "../../../model/ids.ts";
import { readTrust, type Trust, type TrustDocument } from "../../trust.ts";
import { verify } from "../../verify.ts";
import recorded from "./signed-jars.json" with { type: "json" };

const now = instant(Date.parse("2027-06-01T00:00:00Z"));
const later = instant(Date.parse("2032-06-01T00:00:00Z"));
const jarOf = (name: keyof typeof recorded.jars): Buffer => Buffer.from(recorded.jars[name], "base64");
const digest = (bytes: Uint8Array) => sha256(createHash("sha256").update(bytes).digest("hex")) ?? ("" as never);
const b64 = (bytes: Uint8Array | string, algorithm = "sha256"): string =>
  createHash(algorithm).update(bytes).digest("base64");

function trust(document: TrustDocument): Trust {
  const read = readTrust(document);
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}

const publisher = "CN=Example Publisher,O=Example\\, Inc.,C=DE";
const byRoot = (uses: readonly ("jar" | "timestamp" | "nuget")[], more: TrustDocument = {}): Trust =>
  trust({
    certificates: [{ name: "Example Root", pem: recorded.root, uses: [...uses] }],
    publishers: [
      {
        authority: "Example Root",
        subject: { pattern: String.raw`CN=Example Publisher( \(RSA\))?,O=Example\\, Inc\.,C=DE` },
      },
    ],
    ...more,
  });
const trusted = byRoot(["jar", "timestamp"]);

async function judged(bytes: Uint8Array, by = trusted, at = now) {
  const { verdict } = await verify({ sha256: digest(bytes) }, [{ bytes, sha256: digest(bytes) }], {}, by, at);
  return verdict;
}
async function standing(...question: Parameters<typeof judged>): Promise<string> {
  const { standing: found, basis } = await judged(...question);
  return `${found} ${basis}`;
}

describe("what jarsigner signed", () => {
  test.each([
    ["plain", "with an EC key"],
    ["rsa", "with an RSA key"],
    ["stamped", "with a timestamp"],
    ["sections", "over sections alone"],
    ["both", "by two signers"],
    ["sha512", "with SHA-512 for its entries"],
  ] as const)("holds: %s, %s", async (name, _how) => {
    expect(await standing(jarOf(name))).toBe("signed publisher");
  });

  test("names the publisher, the authority, and the time where a timestamp proves it", async () => {
    const { chain } = await judged(jarOf("stamped"));
    expect(chain.find(({ link }) => link === "signature")).toMatchObject({
      says: `Signed by ${publisher}, whom Example Root vouches for`,
      facts: { subject: publisher, authority: "Example Root", "signature file": "EC.SF", files: "3" },
    });
    expect(chain.find(({ link }) => link === "log")?.says).toMatch(/^Signed before 2026-11-25T.* says Example Root$/);
  });

  test.each<[string, Buffer, Trust, typeof now, string]>([
    ["over SHA-1 proves nothing", jarOf("weak"), trusted, now, "unchecked unsupported"],
    ["by an authority nobody named is open", jarOf("plain"), trust({}), now, "unchecked stale-trust"],
    [
      "is open where the root is for another use",
      jarOf("plain"),
      byRoot(["nuget", "timestamp"]),
      now,
      "unchecked stale-trust",
    ],
    [
      "by somebody who is no publisher claims alone",
      jarOf("plain"),
      byRoot(["jar"], { publishers: [] }),
      now,
      "unproven claimed",
    ],
    [
      "under the same name of another authority claims alone",
      jarOf("plain"),
      byRoot(["jar"], { publishers: [{ authority: "Other Root", subject: { exact: publisher } }] }),
      now,
      "unproven claimed",
    ],
    ["after its certificate's end needs a timestamp", jarOf("plain"), trusted, later, "unchecked no-time-proof"],
    ["after its certificate's end holds by its timestamp", jarOf("stamped"), trusted, later, "signed publisher"],
    ["by a timestamp nobody trusts is judged now", jarOf("stamped"), byRoot(["jar"]), later, "unchecked no-time-proof"],
    [
      "before it was made is open",
      jarOf("stamped"),
      trusted,
      instant(Date.parse("2026-11-20T00:00:00Z")),
      "unchecked no-time-proof",
    ],
    [
      "by a certificate named by itself",
      jarOf("plain"),
      trust({ certificates: [{ name: "it", pem: recorded.publisher, uses: ["jar"] }] }),
      now,
      "signed publisher",
    ],
    [
      "by a revoked signer is refuted",
      jarOf("plain"),
      byRoot(["jar"], { revocations: [{ what: "signer", value: publisher, why: "sold" }] }),
      now,
      "refuted revoked",
    ],
    [
      "revoked after its proven time holds",
      jarOf("stamped"),
      byRoot(["jar", "timestamp"], {
        revocations: [{ what: "signer", value: publisher, from: "2027-01-01T00:00:00Z", why: "sold" }],
      }),
      now,
      "signed publisher",
    ],
    [
      "under a root that was not trusted then is refuted",
      jarOf("stamped"),
      trust({
        certificates: [
          { name: "Example Root", pem: recorded.root, uses: ["jar", "timestamp"], until: "2026-01-01T00:00:00Z" },
        ],
      }),
      now,
      "refuted forged",
    ],
  ])("%s", async (_name, bytes, by, at, expected) => {
    expect(await standing(bytes, by, at)).toBe(expected);
  });

  test("says nothing of another file", async () => {
    const bytes = jarOf("plain");
    const { verdict } = await verify(
      { sha256: digest(jarOf("rsa")) },
      [{ bytes, sha256: digest(bytes) }],
      {},
      trusted,
      now,
    );
    expect(verdict).toMatchObject({ standing: "unproven", basis: "none" });
  });
});

// From here on with keys of our own, so that a signature can hold over a lie.
const root = forgeCertificate({ name: "Root", authority: true });
const between = forgeCertificate({
  name: "Between",
  issuer: root,
  authority: true,
  pathLength: 0,
  usage: oidOf.codeSigning,
});
const signer = forgeCertificate({ name: "Signer", issuer: between, usage: oidOf.codeSigning });
const stamps = forgeCertificate({ name: "Stamps", issuer: root, usage: oidOf.timeStamping });
const own = trust({
  certificates: [{ name: "Root", pem: pemOf(root.der), uses: ["jar", "timestamp"] }],
  publishers: [{ authority: "Root", subject: { exact: "CN=Signer" } }],
});

const main = "Manifest-Version: 1.0\r\n\r\n";
const section = (name: string, data: string): string => `Name: ${name}\r\nSHA-256-Digest: ${b64(data)}\r\n\r\n`;
const files: Readonly<Record<string, string>> = { "A.class": "a", "META-INF/versions/9/A.class": "nine" };
const manifestOf = (of = files): string =>
  main +
  Object.entries(of)
    .map(([name, data]) => section(name, data))
    .join("");

interface Parts {
  readonly manifest?: string;
  readonly signatureFile?: string;
  readonly block?: Uint8Array;
  readonly entries?: readonly ForgedEntry[];
  readonly by?: ForgedCertificate;
  readonly chain?: readonly ForgedCertificate[];
}

function forged(parts: Parts = {}): Uint8Array {
  const { manifest = manifestOf(), by = signer, chain = [signer, between], entries } = parts;
  const signatureFile =
    parts.signatureFile ?? `Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: ${b64(manifest)}\r\n\r\n`;
  const block =
    parts.block ?? forgeSignedData({ certificates: chain, signers: [forgeSigner(Buffer.from(signatureFile), { by })] });
  return forgeZip([
    { name: "META-INF/MANIFEST.MF", data: manifest },
    { name: "META-INF/X.SF", data: signatureFile },
    { name: "META-INF/X.EC", data: block },
    ...(entries ?? Object.entries(files).map(([name, data]) => ({ name, data }))),
  ]);
}

const filesAnd = (...more: readonly ForgedEntry[]): readonly ForgedEntry[] => [
  ...Object.entries(files).map(([name, data]) => ({ name, data })),
  ...more,
];
async function told(parts: Parts): Promise<string> {
  const { standing: found, basis, says } = await judged(forged(parts), own);
  return `${found} ${basis}: ${says}`;
}

describe("a jar whose signature holds over", () => {
  test.each<[string, Parts, string]>([
    ["all of it", {}, "signed publisher"],
    [
      "a file that is another",
      { entries: [{ name: "A.class", data: "b" }, ...filesAnd().slice(1)] },
      "refuted forged: The entry A.class is not what was signed",
    ],
    [
      "all but one file",
      { entries: filesAnd({ name: "Evil.class", data: "x" }) },
      "refuted forged: The entry Evil.class was added",
    ],
    [
      "all but a class for a newer Java",
      { entries: filesAnd({ name: "META-INF/versions/11/A.class", data: "x" }) },
      "refuted forged: The entry META-INF/versions/11/A.class was added",
    ],
    [
      "all but a file named like a signature in a folder below",
      { entries: filesAnd({ name: "META-INF/x/Y.RSA", data: "x" }) },
      "refuted forged: The entry META-INF/x/Y.RSA was added",
    ],
    [
      "all but an index",
      { entries: filesAnd({ name: "META-INF/INDEX.LIST", data: "x" }) },
      "refuted forged: The entry META-INF/INDEX.LIST was added",
    ],
    [
      "more than is there",
      { entries: filesAnd().slice(1) },
      "refuted forged: The entry A.class was signed and is missing",
    ],
    [
      "a file without a digest",
      { manifest: manifestOf().replace(/SHA-256-Digest: .*\r\n/, "X: y\r\n") },
      "refuted forged: The entry A.class has no digest",
    ],
    [
      "a file with MD5 alone",
      { manifest: manifestOf().replace(/SHA-256-Digest: .*\r\n/, "MD5-Digest: eA==\r\n") },
      "unchecked unsupported: It could not be checked: the entry A.class is covered by MD5 alone",
    ],
    [
      "a file that asks for its own verifier",
      { manifest: manifestOf().replace("Name: A.class\r\n", "Name: A.class\r\nMagic: x\r\n") },
      "unchecked unsupported: It could not be checked: the entry A.class asks",
    ],
    [
      "a manifest that names a file twice",
      { manifest: manifestOf() + section("A.class", "b") },
      "unchecked unreadable: It could not be checked: the manifest names A.class twice",
    ],
    [
      "a manifest that says a digest twice",
      { manifest: manifestOf().replace("\r\n\r\nName: META", `\r\nSHA-256-Digest: ${b64("b")}\r\n\r\nName: META`) },
      "unchecked unreadable: It could not be checked: the manifest has the attribute SHA-256-Digest twice",
    ],
    [
      "a manifest whose section begins with a continuation",
      { manifest: `${main} A: b\r\n` },
      "unchecked unreadable: It could not be checked: the manifest has a section that begins",
    ],
    [
      "a manifest whose last line has no end",
      { manifest: `${manifestOf()}Name: B` },
      "unchecked unreadable: It could not be checked: the manifest has a last line",
    ],
    [
      "a manifest with a bare line",
      { manifest: `${manifestOf()}Name\r\n\r\n` },
      "unchecked unreadable: It could not be checked: the manifest has a line that is no attribute",
    ],
    [
      "a manifest with a NUL",
      { manifest: manifestOf().replace("A.class", "A.class\0") },
      "unchecked unreadable: It could not be checked: the manifest has a line that is no attribute",
    ],
    [
      "a manifest in another order of versions",
      { manifest: `X: y\r\n${manifestOf()}` },
      "unchecked unreadable: It could not be checked: the manifest does not begin",
    ],
    [
      "a signature file of version 2",
      { signatureFile: `Signature-Version: 2.0\r\nSHA-256-Digest-Manifest: ${b64(manifestOf())}\r\n\r\n` },
      "unchecked unsupported: It could not be checked: X.SF is not of version 1.0",
    ],
    [
      "nothing of the manifest",
      { signatureFile: "Signature-Version: 1.0\r\n\r\n" },
      "refuted forged: The manifest's main attributes, by X.SF, has no digest",
    ],
    [
      "another manifest",
      {
        signatureFile: `Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: ${b64("x")}\r\nSHA-256-Digest-Manifest-Main-Attributes: ${b64("x")}\r\n\r\n`,
      },
      "refuted forged: The manifest's main attributes, by X.SF, is not what was signed",
    ],
    [
      "the main attributes and one section",
      {
        signatureFile: `Signature-Version: 1.0\r\nSHA-256-Digest-Manifest-Main-Attributes: ${b64(main)}\r\n\r\nName: A.class\r\nSHA-256-Digest: ${b64(section("A.class", "a"))}\r\n\r\n`,
      },
      "refuted forged: The entry META-INF/versions/9/A.class was added: this signer did not sign it",
    ],
    [
      "a manifest by SHA-1 alone",
      {
        signatureFile: `Signature-Version: 1.0\r\nSHA1-Digest-Manifest: ${b64(manifestOf(), "sha1")}\r\nSHA1-Digest-Manifest-Main-Attributes: ${b64(main, "sha1")}\r\n\r\n`,
      },
      "unchecked unsupported: It could not be checked: the manifest's main attributes, by X.SF, is covered by SHA1 alone",
    ],
    [
      "all of it, with a link beside it",
      { entries: filesAnd({ name: "link", data: "A.class", mode: 0o120777 }) },
      "unchecked unsupported: It could not be checked: a jar with links",
    ],
    [
      "all of it, with a second manifest in other letters",
      { entries: filesAnd({ name: "meta-inf/manifest.mf", data: "x" }) },
      "unchecked unreadable: It could not be checked: the entry meta-inf/manifest.mf twice",
    ],
    [
      "all of it, with a file twice",
      { entries: filesAnd({ name: "A.class", data: "a" }) },
      "unchecked unreadable: It could not be checked: the entry A.class twice",
    ],
    [
      "all of it, with a second block",
      { entries: filesAnd({ name: "META-INF/X.RSA", data: "x" }) },
      "unchecked unreadable: It could not be checked: the signature file X.SF has two",
    ],
    [
      "all of it, with a block of nothing",
      { entries: filesAnd({ name: "META-INF/Y.RSA", data: "x" }) },
      "unchecked unreadable: It could not be checked: the signature block META-INF/Y.RSA has no",
    ],
    [
      "all of it, with a signature file of nobody",
      { entries: filesAnd({ name: "META-INF/Y.SF", data: "x" }) },
      "unchecked unreadable: It could not be checked: the signature file META-INF/Y.SF has no",
    ],
    [
      "all of it, with bytes between two entries",
      { entries: filesAnd({ name: "x/", gap: Buffer.from("hidden") }) },
      "unchecked unreadable",
    ],
  ])("%s", async (_name, parts, expected) => {
    expect((await told(parts)).slice(0, expected.length)).toBe(expected);
  });

  test("a manifest that grew after signing, section by section, is no longer all of it", async () => {
    const signatureFile = `Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: ${b64(manifestOf())}\r\nSHA-256-Digest-Manifest-Main-Attributes: ${b64(main)}\r\n\r\n${Object.entries(
      files,
    )
      .map(([name, data]) => section(name, section(name, data)))
      .join("")}`;
    const grown = { signatureFile, manifest: manifestOf({ ...files, "E.class": "e" }) };
    expect(await told({ signatureFile })).toContain("signed publisher");
    expect(await told({ ...grown, entries: filesAnd({ name: "E.class", data: "e" }) })).toContain(
      "The entry E.class was added: this signer did not sign it",
    );
    expect(await told({ ...grown, manifest: `Multi-Release: true\r\n${manifestOf()}` })).toContain(
      "unchecked unreadable",
    );
    expect(
      await told({ ...grown, manifest: manifestOf().replace("1.0\r\n", "1.0\r\nMulti-Release: true\r\n") }),
    ).toContain("main attributes, by X.SF, is not what was signed");
  });
});

describe("a signature block", () => {
  const signatureFile = Buffer.from(`Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: ${b64(manifestOf())}\r\n\r\n`);
  const block = (more: Partial<Parameters<typeof forgeSignedData>[0]> = {}, request: object = {}): Uint8Array =>
    forgeSignedData({
      certificates: [signer, between],
      signers: [forgeSigner(signatureFile, { by: signer, ...request })],
      ...more,
    });
  const stamp = (by: ForgedCertificate, at: Date, other?: Uint8Array) => ({
    unsigned: (signature: Buffer) => [attribute(oidOf.timestampToken, forgeToken(other ?? signature, by, at))],
  });
  const may = new Date("2026-05-01T00:00:00Z");
  const expired = forgeCertificate({
    name: "Signer",
    issuer: between,
    usage: oidOf.codeSigning,
    until: new Date("2026-12-01T00:00:00Z"),
  });
  const byExpired = (unsigned: object = {}): Uint8Array =>
    block({ certificates: [expired, between], signers: [forgeSigner(signatureFile, { by: expired, ...unsigned })] });
  const tls = forgeCertificate({ name: "Signer", issuer: between, usage: "1.3.6.1.5.5.7.3.1" });
  const below = forgeCertificate({ name: "Below", issuer: between, authority: true });
  const deep = forgeCertificate({ name: "Signer", issuer: below, usage: oidOf.codeSigning });
  const self = forgeCertificate({ name: "Signer", usage: oidOf.codeSigning });
  const impostor = forgeCertificate({ name: "Between", authority: true });
  const fake = forgeCertificate({ name: "Signer", issuer: impostor, usage: oidOf.codeSigning });
  const leafIssued = forgeCertificate({ name: "Signer", issuer: signer, usage: oidOf.codeSigning });
  const stranger = forgeCertificate({ name: "Stranger" });

  test.each<[string, Uint8Array, string]>([
    ["with signed attributes", block(), "signed publisher"],
    ["without signed attributes, as older tools write", block({}, { withoutAttributes: true }), "signed publisher"],
    ["with its content inside", block({ content: signatureFile }), "signed publisher"],
    ["with other content inside", block({ content: Buffer.from("x") }), "unchecked unreadable"],
    ["of another content type", block({ contentType: oidOf.tstInfo, version: 3 }), "unchecked unreadable"],
    ["over another file", block({ signers: [forgeSigner(Buffer.from("x"), { by: signer })] }), "refuted forged"],
    ["whose attributes are of another type", block({}, { contentType: oidOf.tstInfo }), "refuted forged"],
    [
      "by two signers",
      block({
        signers: [
          forgeSigner(signatureFile, { by: signer }),
          forgeSigner(signatureFile, { by: signer, withoutAttributes: true }),
        ],
      }),
      "unchecked unreadable",
    ],
    ["with SHA-1", block({}, { digestOid: oidOf.sha1 }), "unchecked unsupported"],
    [
      "with a certificate that plays no part",
      block({ certificates: [signer, between, stranger] }),
      "unchecked unreadable",
    ],
    ["without the certificate between", block({ certificates: [signer] }), "unchecked stale-trust"],
    ["without any certificate", block({ certificates: [] }), "unchecked unreadable"],
    [
      "by a certificate for servers",
      block({ certificates: [tls, between], signers: [forgeSigner(signatureFile, { by: tls })] }),
      "refuted forged",
    ],
    [
      "by one whose authority was not to have another below",
      block({ certificates: [deep, below, between], signers: [forgeSigner(signatureFile, { by: deep })] }),
      "refuted forged",
    ],
    [
      "by one that a mere signer issued",
      block({ certificates: [leafIssued, signer, between], signers: [forgeSigner(signatureFile, { by: leafIssued })] }),
      "refuted forged",
    ],
    [
      "by one that issued itself",
      block({ certificates: [self], signers: [forgeSigner(signatureFile, { by: self })] }),
      "unchecked stale-trust",
    ],
    [
      "by one whose authority has the right name and another key",
      block({ certificates: [fake, between], signers: [forgeSigner(signatureFile, { by: fake })] }),
      "refuted forged",
    ],
    ["by one that has expired", byExpired(), "unchecked no-time-proof"],
    ["by one that had not expired at its timestamp", byExpired(stamp(stamps, may)), "signed publisher"],
    [
      "by one that had expired at its timestamp",
      byExpired(stamp(stamps, new Date("2027-05-01T00:00:00Z"))),
      "unchecked no-time-proof",
    ],
    [
      "with a timestamp of the future",
      byExpired(stamp(stamps, new Date("2030-05-01T00:00:00Z"))),
      "unchecked no-time-proof",
    ],
    ["with a timestamp over something else", byExpired(stamp(stamps, may, Buffer.from("x"))), "refuted forged"],
    ["with a timestamp by a signer of code", byExpired(stamp(signer, may)), "refuted forged"],
    [
      "with a timestamp of an unknown authority",
      byExpired(stamp(forgeCertificate({ name: "T", usage: oidOf.timeStamping }), may)),
      "unchecked no-time-proof",
    ],
  ])("%s", async (_name, bytes, expected) => {
    expect(await standing(forged({ block: bytes }), own)).toBe(expected);
  });

  test("whose key is another's says so, whatever its certificate", async () => {
    const stolen = { ...signer, keys: ecKeys() };
    expect(sign("sha256", signatureFile, stolen.keys.privateKey).length).toBeGreaterThan(60);
    expect(await standing(forged({ by: stolen }), own)).toBe("refuted forged");
  });
});

test("a signed jar whose bytes are at hand needs no document beside it", async () => {
  const bytes = jarOf("plain");
  const { verdict } = await verify({ sha256: digest(bytes), bytes }, [], {}, trusted, now);
  expect(verdict).toMatchObject({ standing: "signed", basis: "publisher" });
});

test("a file that is no signed jar is not taken for one", async () => {
  for (const bytes of [
    forgeZip([{ name: "META-INF/MANIFEST.MF", data: main }]),
    Buffer.from("PK\u0003\u0004"),
    Buffer.alloc(0),
  ])
    expect(await standing(bytes)).toBe("unchecked unsupported");
});

test("changed in a byte, a jar holds only where what lies in it stays the same", async () => {
  for (const name of ["plain", "stamped"] as const) {
    const whole = jarOf(name);
    const content = JSON.stringify(unzipSync(whole));
    const survivors: string[] = [];
    for (let at = 0; at < whole.length; at += 7) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 0x01;
      // Times and other marks in the headers of the archive are not signed, nor are they what Java reads.
      if (/^(?:proven|signed)/.test(await standing(bytes)) && JSON.stringify(unzipSync(bytes)) !== content)
        survivors.push(`${name} ${at}`);
    }
    expect(survivors).toEqual([]);
  }
}, 20_000);

test("a jar that unpacks to far more than it is costs a bounded part of it, and one of somebody unknown nothing", async () => {
  const data = new Uint8Array(12 * 2 ** 20);
  const bomb = forged({ entries: filesAnd({ name: "bomb", data }) });
  expect(bomb.length).toBeLessThan(50_000);
  const { says } = await judged(bomb, own);
  expect(says).toContain("it unpacks to more than 100 times its size");
  expect(await standing(bomb, trust({}))).toBe("unchecked stale-trust");
}, 20_000);

test.each<[string, string]>([
  ["more than 16 signers", "signers"],
  ["more signature files than can be held", "signature files"],
])("a jar with %s is refused by name", async (_name, what) => {
  const entries =
    what === "signers"
      ? Array.from({ length: 17 }, (_, at) => [
          { name: `META-INF/S${at}.SF`, data: "x" },
          { name: `META-INF/S${at}.EC`, data: "x" },
        ]).flat()
      : [{ name: "META-INF/Y.SF", data: new Uint8Array(17 * 2 ** 20) }];
  const { basis, says } = await judged(forged({ entries: filesAnd(...entries) }), own);
  expect(basis).toBe("unreadable");
  expect(says).toContain(what);
});

test("cut short anywhere, a jar is never signed", async () => {
  const whole = jarOf("plain");
  for (let length = 0; length < whole.length; length += 7)
    expect(await standing(whole.subarray(0, length))).toMatch(/^unchecked un(?:supported|readable)$/);
});
