import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";

/** DER, X.509, CMS and RFC 3161 as their specifications say, except where the caller lies. */
export interface Keys {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface ForgedCertificate {
  readonly der: Buffer;
  readonly name: Buffer;
  readonly serial: Buffer;
  readonly keys: Keys;
}

export const ecKeys = (): Keys => generateKeyPairSync("ec", { namedCurve: "P-256" });
export const pemOf = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`;

export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xffff ? 6 : 4, "0"), "hex");
  const shortest = length[0] === 0 ? length.subarray(1) : length;
  return Buffer.concat([Buffer.from([tag, 0x80 | shortest.length]), shortest, body]);
}

export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const low = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) low.unshift(0x80 | (left % 128));
    return low;
  });
  return der(0x06, Buffer.from(octets));
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
/** DER orders the members of a SET OF. */
export const set = (...parts: readonly Uint8Array[]): Buffer =>
  der(0x31, ...parts.map((one) => Buffer.from(one)).toSorted((a, b) => Buffer.compare(a, b)));
export const integer = (value: number): Buffer => der(0x02, Buffer.from([value]));
export const octets = (bytes: Uint8Array): Buffer => der(0x04, bytes);
export const algorithm = (name: string): Buffer => sequence(oid(name));
export const commonName = (text: string): Buffer =>
  sequence(set(sequence(oid("2.5.4.3"), der(0x0c, Buffer.from(text)))));
const time = (at: Date): Buffer =>
  der(0x18, Buffer.from(`${at.toISOString().replace(/[-:T]/g, "").replace(/\..*/, "")}Z`));

export const oidOf = {
  sha1: "1.3.14.3.2.26",
  sha256: "2.16.840.1.101.3.4.2.1",
  ecdsaSha256: "1.2.840.10045.4.3.2",
  data: "1.2.840.113549.1.7.1",
  signedData: "1.2.840.113549.1.7.2",
  contentType: "1.2.840.113549.1.9.3",
  messageDigest: "1.2.840.113549.1.9.4",
  timestampToken: "1.2.840.113549.1.9.16.2.14",
  countersignature: "1.2.840.113549.1.9.6",
  signingCertificateV2: "1.2.840.113549.1.9.16.2.47",
  tstInfo: "1.2.840.113549.1.9.16.1.4",
  codeSigning: "1.3.6.1.5.5.7.3.3",
  timeStamping: "1.3.6.1.5.5.7.3.8",
} as const;

export interface CertificateRequest {
  readonly name: string;
  /** Self-signed where absent. */
  readonly issuer?: ForgedCertificate;
  readonly authority?: boolean;
  readonly pathLength?: number;
  readonly usage?: string;
  readonly from?: Date;
  readonly until?: Date;
  readonly keys?: Keys;
}

let serials = 1;

export function forgeCertificate(request: CertificateRequest): ForgedCertificate {
  const { issuer, authority = false, pathLength, usage, keys = ecKeys() } = request;
  const { from = new Date("2025-01-01T00:00:00Z"), until = new Date("2040-01-01T00:00:00Z") } = request;
  const name = commonName(request.name);
  const serial = Buffer.from([0x01, (serials += 1) & 0x7f, 0x01]);
  const extension = (id: string, value: Buffer): Buffer =>
    sequence(oid(id), der(0x01, Buffer.from([0xff])), octets(value));
  const extensions = [
    ...(authority
      ? [
          extension(
            "2.5.29.19",
            sequence(der(0x01, Buffer.from([0xff])), ...(pathLength === undefined ? [] : [integer(pathLength)])),
          ),
        ]
      : []),
    ...(usage === undefined ? [] : [extension("2.5.29.37", sequence(oid(usage)))]),
  ];
  const tbs = sequence(
    der(0xa0, integer(2)),
    der(0x02, serial),
    algorithm(oidOf.ecdsaSha256),
    issuer?.name ?? name,
    sequence(time(from), time(until)),
    name,
    keys.publicKey.export({ type: "spki", format: "der" }),
    ...(extensions.length === 0 ? [] : [der(0xa3, sequence(...extensions))]),
  );
  const signature = sign("sha256", tbs, (issuer?.keys ?? keys).privateKey);
  const whole = sequence(tbs, algorithm(oidOf.ecdsaSha256), der(0x03, Buffer.from([0]), signature));
  return { der: whole, name, serial, keys };
}

export const attribute = (name: string, ...values: readonly Uint8Array[]): Buffer =>
  sequence(oid(name), set(...values));

export interface SignerRequest {
  readonly by: ForgedCertificate;
  /** Beside content type and message digest. */
  readonly attributes?: readonly Buffer[];
  readonly unsigned?: (signature: Buffer) => readonly Buffer[];
  /** Undefined in a countersignature. */
  readonly contentType?: string | undefined;
  readonly withoutAttributes?: boolean;
  readonly digestOid?: string;
}

export function forgeSigner(content: Uint8Array, request: SignerRequest): Buffer {
  const { by, attributes = [], unsigned, withoutAttributes = false, digestOid = oidOf.sha256 } = request;
  const contentType = "contentType" in request ? request.contentType : oidOf.data;
  const signed = [
    ...(contentType === undefined ? [] : [attribute(oidOf.contentType, oid(contentType))]),
    attribute(oidOf.messageDigest, octets(sha256(content))),
    ...attributes,
  ];
  const over = withoutAttributes ? content : set(...signed);
  const signature = sign("sha256", over, by.keys.privateKey);
  const implicit = (tag: number, parts: readonly Buffer[]): Buffer => {
    const holder = set(...parts);
    holder[0] = tag;
    return holder;
  };
  return sequence(
    integer(1),
    sequence(issuerOf(by), der(0x02, by.serial)),
    algorithm(digestOid),
    ...(withoutAttributes ? [] : [implicit(0xa0, signed)]),
    algorithm(oidOf.ecdsaSha256),
    octets(signature),
    ...(unsigned === undefined ? [] : [implicit(0xa1, unsigned(signature))]),
  );
}

/** The name that a certificate's issuer has in it. */
function issuerOf({ der: bytes }: ForgedCertificate): Buffer {
  const skip = (at: number): number => {
    const first = bytes[at + 1] ?? 0;
    const long = first < 0x80 ? 0 : first & 0x7f;
    const length = long === 0 ? first : bytes.readUIntBE(at + 2, long);
    return at + 2 + long + length;
  };
  const into = (at: number): number => at + 2 + ((bytes[at + 1] ?? 0) < 0x80 ? 0 : (bytes[at + 1] ?? 0) & 0x7f);
  const version = into(into(0));
  const issuer = skip(skip(skip(version)));
  return bytes.subarray(issuer, skip(issuer));
}

export interface SignedDataRequest {
  readonly content?: Uint8Array;
  readonly contentType?: string;
  readonly version?: number;
  readonly certificates?: readonly ForgedCertificate[];
  readonly signers: readonly Buffer[];
}

export function forgeSignedData(request: SignedDataRequest): Buffer {
  const { content, contentType = oidOf.data, version = 1, certificates = [], signers } = request;
  const data = sequence(
    integer(version),
    set(algorithm(oidOf.sha256)),
    sequence(oid(contentType), ...(content === undefined ? [] : [der(0xa0, octets(content))])),
    ...(certificates.length === 0 ? [] : [der(0xa0, ...certificates.map((one) => one.der))]),
    set(...signers),
  );
  return sequence(oid(oidOf.signedData), der(0xa0, data));
}

/** RFC 3161: a token over `stamped`, by a certificate for time stamping. */
export function forgeToken(stamped: Uint8Array, by: ForgedCertificate, at: Date): Buffer {
  const info = sequence(
    integer(1),
    oid("1.2.3.4"),
    sequence(algorithm(oidOf.sha256), octets(sha256(stamped))),
    integer(1),
    time(at),
  );
  const signer = forgeSigner(info, {
    by,
    contentType: oidOf.tstInfo,
    attributes: [names(by)],
  });
  return forgeSignedData({
    content: info,
    contentType: oidOf.tstInfo,
    version: 3,
    certificates: [by],
    signers: [signer],
  });
}

/** RFC 5035: the signed attribute that names the signer's certificate. */
export const names = (by: ForgedCertificate): Buffer =>
  attribute(oidOf.signingCertificateV2, sequence(sequence(sequence(octets(sha256(by.der))))));

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
