import { createHash, sign } from "node:crypto";
import { name, sha256Of, type KeyPair } from "./write-certificate.ts";
import { boolean, element, generalizedTime, integer, nothing, octets, oid, sequence, set } from "./write-der.ts";

export interface TimestampRequest {
  readonly stamped: Uint8Array;
  readonly at: number;
  readonly by: KeyPair;
  readonly certificate: Buffer;
  readonly issuer: string;
  readonly serial?: number;
  /** Certificates sent along; none unless the authority's own is not in the trusted root. */
  readonly beside?: readonly Buffer[];
  readonly digest?: "sha1" | "sha256" | "sha384";
  readonly version?: number;
  readonly criticalExtension?: boolean;
  /** Bytes of the content that are signed instead of the real ones. */
  readonly signedContent?: Uint8Array;
}

const digests = {
  sha1: "1.3.14.3.2.26",
  sha256: "2.16.840.1.101.3.4.2.1",
  sha384: "2.16.840.1.101.3.4.2.2",
} as const;

/** RFC 3161 2.4.2: a granted response. */
export function timestampResponse(request: TimestampRequest): Buffer {
  const { stamped, at, by, certificate, issuer, serial = 1, beside = [], digest = "sha256" } = request;
  const imprint = sequence(
    sequence(oid(digests[digest]), nothing),
    octets(createHash(digest).update(stamped).digest()),
  );
  const more =
    request.criticalExtension === true ? [element(0xa1, sequence(oid("1.2.3.4"), boolean(true), octets()))] : [];
  const content = sequence(integer(1), oid("1.2.3.4.1"), imprint, integer(7), generalizedTime(at), ...more);
  const attributes = [
    sequence(oid("1.2.840.113549.1.9.3"), set(oid(tstInfo))),
    sequence(oid("1.2.840.113549.1.9.4"), set(octets(sha256Of(request.signedContent ?? content)))),
    sequence(oid("1.2.840.113549.1.9.16.2.47"), set(sequence(sequence(sequence(octets(sha256Of(certificate))))))),
  ];
  const sha256 = sequence(oid(digests.sha256));
  const signer = sequence(
    integer(1),
    sequence(name(issuer), integer(serial)),
    sha256,
    element(0xa0, ...attributes),
    sequence(oid("1.2.840.10045.4.3.2")),
    octets(sign("sha256", set(...attributes), by.privateKey)),
  );
  const signedData = sequence(
    integer(request.version ?? 3),
    set(sha256),
    sequence(oid(tstInfo), element(0xa0, octets(content))),
    ...(beside.length === 0 ? [] : [element(0xa0, ...beside)]),
    set(signer),
  );
  return sequence(sequence(integer(0)), sequence(oid("1.2.840.113549.1.7.2"), element(0xa0, signedData)));
}

const tstInfo = "1.2.840.113549.1.9.16.1.4";
