import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { bits, boolean, element, generalizedTime, integer, octets, oid, sequence, set, utf8 } from "./write-der.ts";

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export const keyPair = (curve: string): KeyPair => generateKeyPairSync("ec", { namedCurve: curve });
export const spkiOf = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" });
export const sha256Of = (...parts: readonly Uint8Array[]): Buffer =>
  createHash("sha256").update(Buffer.concat(parts)).digest();

/** A certificate whose every part may be other than it should be. */
export interface CertificateRequest {
  readonly subject: string;
  readonly issuer: string;
  readonly key: KeyObject;
  readonly signedBy: KeyObject;
  readonly from: number;
  readonly until: number;
  readonly extensions: readonly Buffer[];
  readonly serial?: readonly number[];
  readonly algorithm?: keyof typeof algorithms;
  /** What stands behind the extensions, where nothing should. */
  readonly behind?: readonly Buffer[];
}

export const algorithms = {
  "ecdsa-sha256": { oid: "1.2.840.10045.4.3.2", digest: "sha256" },
  "ecdsa-sha384": { oid: "1.2.840.10045.4.3.3", digest: "sha384" },
  "ecdsa-sha1": { oid: "1.2.840.10045.4.1", digest: "sha1" },
  "rsa-sha256": { oid: "1.2.840.113549.1.1.11", digest: "sha256" },
  "rsa-pss": { oid: "1.2.840.113549.1.1.10", digest: "sha256" },
} as const;

export interface Issued {
  readonly der: Buffer;
  /** What a certificate log signs: the certificate before the log's stamp was put in. */
  readonly tbs: Buffer;
}

export function certificate(request: CertificateRequest): Issued {
  const { subject, issuer, key, signedBy, from, until, extensions, serial = [1], algorithm = "ecdsa-sha384" } = request;
  const { oid: algorithmOid, digest } = algorithms[algorithm];
  const named = sequence(oid(algorithmOid));
  const tbs = sequence(
    element(0xa0, integer(2)),
    integer(...serial),
    named,
    name(issuer),
    sequence(generalizedTime(from), generalizedTime(until)),
    name(subject),
    spkiOf(key),
    ...(extensions.length === 0 ? [] : [element(0xa3, sequence(...extensions))]),
    ...(request.behind ?? []),
  );
  return { tbs, der: sequence(tbs, named, bits(sign(digest, tbs, signedBy))) };
}

export const name = (text: string): Buffer => sequence(set(sequence(oid("2.5.4.3"), utf8(text))));

export const extension = (id: string, value: Uint8Array, critical = false): Buffer =>
  sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));

export const extensions = {
  authority: (pathLength?: number): Buffer =>
    extension("2.5.29.19", sequence(boolean(true), ...(pathLength === undefined ? [] : [integer(pathLength)])), true),
  /** RFC 5280 4.2.1.3: bit 0 is the most significant. */
  keyUsage: (...which: readonly number[]): Buffer =>
    extension("2.5.29.15", bits(Buffer.from([which.reduce((mask, bit) => mask | (0x80 >> bit), 0)])), true),
  extendedUsage: (...usages: readonly string[]): Buffer => extension("2.5.29.37", sequence(...usages.map(oid))),
  alternativeNames: (...names: readonly Buffer[]): Buffer => extension("2.5.29.17", sequence(...names), true),
  /** Fulcio's: a DER UTF8String from 1.8 on, the bare text before. */
  fulcio: (arc: number, text: string): Buffer =>
    extension(`1.3.6.1.4.1.57264.1.${arc}`, arc < 8 ? Buffer.from(text) : utf8(text)),
};

export const alternativeName = {
  uri: (text: string): Buffer => element(0x86, Buffer.from(text)),
  email: (text: string): Buffer => element(0x81, Buffer.from(text)),
  dns: (text: string): Buffer => element(0x82, Buffer.from(text)),
  other: (type: string, text: string): Buffer => element(0xa0, oid(type), element(0xa0, utf8(text))),
};

export const usages = {
  codeSigning: "1.3.6.1.5.5.7.3.3",
  timeStamping: "1.3.6.1.5.5.7.3.8",
  server: "1.3.6.1.5.5.7.3.1",
};
