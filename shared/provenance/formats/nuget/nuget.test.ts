import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { forgeZip, type ForgedEntry } from "../../../../test/support/forge-zip.ts";
import {
  attribute,
  der,
  ecKeys,
  forgeCertificate,
  forgeSignedData,
  forgeSigner,
  forgeToken,
  names,
  oid,
  oidOf,
  pemOf,
  sequence,
  type ForgedCertificate,
} from "../../../../test/support/forge-cms.ts";
import { instant, sha256 } from "../../../model/ids.ts";
import { readTrust, type Trust, type TrustDocument } from "../../trust.ts";
import { verify } from "../../verify.ts";

const now = instant(Date.parse("2027-06-01T00:00:00Z"));
const digest = (bytes: Uint8Array) => sha256(createHash("sha256").update(bytes).digest("hex")) ?? ("" as never);

const root = forgeCertificate({ name: "Root", authority: true });
const author = forgeCertificate({ name: "Author", issuer: root, usage: oidOf.codeSigning });
const repository = forgeCertificate({ name: "Repository", issuer: root, usage: oidOf.codeSigning });
const stamps = forgeCertificate({ name: "Stamps", issuer: root, usage: oidOf.timeStamping });
const expired = forgeCertificate({
  name: "Author",
  issuer: root,
  usage: oidOf.codeSigning,
  until: new Date("2026-12-01T00:00:00Z"),
});
const stranger = forgeCertificate({ name: "Author", usage: oidOf.codeSigning });

function trust(publishers: readonly string[], more: TrustDocument = {}): Trust {
  const read = readTrust({
    certificates: [{ name: "Root", pem: pemOf(root.der), uses: ["nuget", "timestamp"] }],
    publishers: publishers.map((name) => ({ authority: "Root", subject: { exact: `CN=${name}` } })),
    ...more,
  });
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}
const trusted = trust(["Author", "Repository"]);

const entries: readonly ForgedEntry[] = [
  { name: "a.nuspec", data: "<package/>" },
  { name: "lib/net8.0/a.dll", data: "MZ".repeat(40) },
  { name: "b.txt", data: "b", stored: true },
];
const unsigned = forgeZip(entries);

const origin = attribute("1.2.840.113549.1.9.16.2.16", sequence(oid("1.2.840.113549.1.9.16.6.1")));
const receipt = attribute("1.2.840.113549.1.9.16.2.16", sequence(oid("1.2.840.113549.1.9.16.6.2")));
const index = attribute("1.3.6.1.4.1.311.84.2.1.1.1", der(0x16, Buffer.from("https://packages.example/v3/index.json")));
const owners = attribute(
  "1.3.6.1.4.1.311.84.2.1.1.2",
  sequence(der(0x0c, Buffer.from("ann")), der(0x0c, Buffer.from("bob"))),
);

const contentOf = (of: Uint8Array, algorithm = "sha256", id: string = oidOf.sha256, version = "1"): Buffer =>
  Buffer.from(`Version:${version}\n\n${id}-Hash:${createHash(algorithm).update(of).digest("base64")}\n\n`);

interface Parts {
  readonly content?: Buffer;
  readonly by?: ForgedCertificate;
  readonly attributes?: readonly Buffer[];
  readonly carried?: readonly ForgedCertificate[];
  readonly unsigned?: (signature: Buffer) => readonly Buffer[];
}

function signatureOf(parts: Parts = {}): Buffer {
  const { content = contentOf(unsigned), by = author, carried = [by, root] } = parts;
  const attributes = parts.attributes ?? [origin, names(by)];
  const signer = forgeSigner(content, {
    by,
    attributes,
    ...(parts.unsigned === undefined ? {} : { unsigned: parts.unsigned }),
  });
  return forgeSignedData({ content, certificates: carried, signers: [signer] });
}

const signed = (signature: Uint8Array = signatureOf(), more: Partial<ForgedEntry> = {}, of = entries): Uint8Array =>
  forgeZip([...of, { name: ".signature.p7s", data: signature, stored: true, ...more }]);

const countersigned =
  (by = repository, attributes = [receipt, names(by), index, owners], over?: Uint8Array) =>
  (signature: Buffer) => [
    attribute(oidOf.countersignature, forgeSigner(over ?? signature, { by, attributes, contentType: undefined })),
  ];
const stamped =
  (at: string, by = stamps) =>
  (signature: Buffer) => [attribute(oidOf.timestampToken, forgeToken(signature, by, new Date(at)))];

async function judged(bytes: Uint8Array, by = trusted, at = now) {
  const { verdict } = await verify({ sha256: digest(bytes) }, [{ bytes, sha256: digest(bytes) }], {}, by, at);
  return verdict;
}
async function standing(...question: Parameters<typeof judged>): Promise<string> {
  const { standing: found, basis } = await judged(...question);
  return `${found} ${basis}`;
}

describe("a package", () => {
  test.each<[string, Uint8Array, string]>([
    ["signed by its author", signed(), "signed publisher"],
    [
      "with SHA-512",
      signed(signatureOf({ content: contentOf(unsigned, "sha512", "2.16.840.1.101.3.4.2.3") })),
      "signed publisher",
    ],
    [
      "signed by a repository",
      signed(signatureOf({ by: repository, attributes: [receipt, names(repository), index] })),
      "signed publisher",
    ],
    [
      "whose signature stands before other entries",
      forgeZip([
        entries[0] ?? { name: "" },
        { name: ".signature.p7s", data: signatureOf(), stored: true },
        ...entries.slice(1),
      ]),
      "signed publisher",
    ],
    [
      "whose signature stands first",
      forgeZip([{ name: ".signature.p7s", data: signatureOf(), stored: true }, ...entries]),
      "signed publisher",
    ],
    ["with another file", signed(signatureOf(), {}, [...entries, { name: "evil.dll", data: "x" }]), "refuted forged"],
    ["with a file less", signed(signatureOf(), {}, entries.slice(1)), "refuted forged"],
    [
      "with another mode of a file",
      signed(signatureOf(), {}, [{ ...entries[0], name: "a.nuspec", mode: 0o100777 }, ...entries.slice(1)]),
      "refuted forged",
    ],
    ["over SHA-1", signed(signatureOf({ content: contentOf(unsigned, "sha1", oidOf.sha1) })), "unchecked unreadable"],
    [
      "of version 2",
      signed(signatureOf({ content: contentOf(unsigned, "sha256", oidOf.sha256, "2") })),
      "unchecked unsupported",
    ],
    [
      "whose signed content has more lines",
      signed(signatureOf({ content: Buffer.concat([contentOf(unsigned), Buffer.from("x:y\n")]) })),
      "unchecked unreadable",
    ],
    [
      "by a stranger under the author's name",
      signed(signatureOf({ by: stranger, carried: [stranger] })),
      "unchecked stale-trust",
    ],
    ["by a certificate for time", signed(signatureOf({ by: stamps })), "refuted forged"],
    ["by a stolen certificate", signed(signatureOf({ by: { ...author, keys: ecKeys() } })), "refuted forged"],
    ["that does not say in which role", signed(signatureOf({ attributes: [names(author)] })), "unchecked unsupported"],
    [
      "in both roles",
      signed(
        signatureOf({
          attributes: [
            attribute(
              "1.2.840.113549.1.9.16.2.16",
              sequence(oid("1.2.840.113549.1.9.16.6.1")),
              sequence(oid("1.2.840.113549.1.9.16.6.2")),
            ),
            names(author),
          ],
        }),
      ),
      "unchecked unsupported",
    ],
    ["that does not name its certificate", signed(signatureOf({ attributes: [origin] })), "unchecked unreadable"],
    [
      "that names another certificate",
      signed(signatureOf({ attributes: [origin, names(repository)] })),
      "refuted forged",
    ],
    ["by one that has expired", signed(signatureOf({ by: expired })), "unchecked no-time-proof"],
    [
      "by one that had not expired at its timestamp",
      signed(signatureOf({ by: expired, unsigned: stamped("2026-05-01T00:00:00Z") })),
      "signed publisher",
    ],
    [
      "by one that had expired at its timestamp",
      signed(signatureOf({ by: expired, unsigned: stamped("2027-01-01T00:00:00Z") })),
      "unchecked no-time-proof",
    ],
    [
      "with a certificate that plays no part",
      signed(signatureOf({ carried: [author, root, stranger, stamps] })),
      "unchecked unreadable",
    ],
  ])("%s", async (_name, bytes, expected) => {
    expect(await standing(bytes)).toBe(expected);
  });

  test("shows role, service and owners of a repository's signature", async () => {
    const verdict = await judged(
      signed(signatureOf({ by: repository, attributes: [receipt, names(repository), index, owners] })),
    );
    expect(verdict.chain.find(({ link }) => link === "signature")).toMatchObject({
      says: "Signed by CN=Repository, whom Root vouches for",
      facts: { role: "repository", "service index": "https://packages.example/v3/index.json", owners: "ann, bob" },
    });
  });

  test("says nothing of another file, nor is an unsigned one taken for signed", async () => {
    const bytes = signed();
    const { verdict } = await verify(
      { sha256: digest(unsigned) },
      [{ bytes, sha256: digest(bytes) }],
      {},
      trusted,
      now,
    );
    expect(verdict).toMatchObject({ standing: "unproven", basis: "none" });
    expect(await standing(unsigned)).toBe("unchecked unsupported");
  });
});

describe("a repository's countersignature", () => {
  const byRepository = trust(["Repository"]);
  const carried = [author, repository, root];
  test.each<[string, Parts, string]>([
    ["is a claim of its own", { carried, unsigned: countersigned() }, "signed publisher"],
    [
      "over another signature is a forgery",
      { carried, unsigned: countersigned(repository, undefined, Buffer.from("x")) },
      "refuted forged",
    ],
    [
      "in the author's role is not read",
      { carried, unsigned: countersigned(repository, [origin, names(repository)]) },
      "unchecked unsupported",
    ],
    // A key can be made under which any signature holds over other content: the countersignature alone must not carry it.
    [
      "beside an author that nobody vouches for does not count",
      { by: stranger, carried: [stranger, repository, root], unsigned: countersigned() },
      "unchecked stale-trust",
    ],
    [
      "of a repository's own signature is not read",
      {
        by: repository,
        attributes: [receipt, names(repository)],
        carried: [repository, root],
        unsigned: countersigned(),
      },
      "unchecked unreadable",
    ],
  ])("%s", async (_name, parts, expected) => {
    expect(await standing(signed(signatureOf(parts)), byRepository)).toBe(expected);
  });

  test("is what makes a publisher of a repository, not of the author", async () => {
    const bytes = signed(signatureOf({ carried, unsigned: countersigned() }));
    expect(await standing(bytes, trust([]))).toBe("unproven claimed");
    expect(await standing(signed(), byRepository)).toBe("unproven claimed");
  });
});

describe("the entry of the signature holds nothing else", () => {
  const signature = signatureOf();
  const name = Buffer.from(".signature.p7s");
  test.each<[string, Uint8Array]>([
    ["packed", signed(signature, { stored: false })],
    ["with bytes behind it", signed(signature, { gap: Buffer.from("hidden") })],
    ["with bytes behind the signature", signed(Buffer.concat([signature, Buffer.from("hidden")]))],
    ["with an extra field before it", signed(signature, { local: { extra: Buffer.from([0xfe, 0xca, 0, 0]) } })],
    ["with an extra field in the directory", signed(signature, { line: { extra: Buffer.from([0xfe, 0xca, 0, 0]) } })],
    ["under another name before it", signed(signature, { local: { name: Buffer.from(".signature.p7x") } })],
    ["with another length before it", signed(signature, { local: { size: 1 } })],
    ["with flags", signed(signature, { flags: 8 })],
    ["twice", forgeZip([...entries, { name, data: signature, stored: true }, { name, data: signature, stored: true }])],
  ])("%s", async (_name, bytes) => {
    expect(await standing(bytes)).toBe("unchecked unreadable");
  });

  test("nor does another entry begin inside it", async () => {
    // Offsets behind the signature are set back by its length: one that points into it would come out as it was.
    const whole = Buffer.from(signed());
    const line = whole.lastIndexOf("PK\u0001\u0002", whole.lastIndexOf("b.txt"), "latin1");
    const length = 30 + name.length + signature.length;
    const moved = Buffer.from(whole);
    moved.writeUInt32LE(whole.readUInt32LE(line + 42) + length, line + 42);
    expect(await standing(whole)).toBe("signed publisher");
    expect(await standing(moved)).not.toMatch(/proven|^signed/);
  });
});

test("changed in a byte, a package never holds, but for marks in the header of its signature", async () => {
  const whole = Buffer.from(signed(signatureOf({ carried: [author, repository, root], unsigned: countersigned() })));
  const [local, line] = [whole.indexOf(".signature.p7s") - 30, whole.lastIndexOf(".signature.p7s") - 46];
  // Versions, times and attributes of the one entry that is taken out before the digest is made.
  const free = (at: number): boolean =>
    [4, 5, 10, 11, 12, 13].includes(at - local) ||
    [4, 5, 6, 7, 12, 13, 14, 15, 36, 37, 38, 39, 40, 41].includes(at - line);
  const survivors: number[] = [];
  for (let at = 0; at < whole.length; at += 1) {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ 0x01;
    if (!free(at) && /^(?:proven|signed)/.test(await standing(bytes))) survivors.push(at);
  }
  expect(survivors).toEqual([]);
}, 20_000);
