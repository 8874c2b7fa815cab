import { createPublicKey } from "node:crypto";

/** One key as `pkcs11-tool --list-objects` prints it. */
export interface ListedKey {
  readonly kind: "private" | "public";
  readonly label: string | undefined;
  /** Hexadecimal. */
  readonly id: string | undefined;
  /** Hexadecimal, of a public key on a curve. */
  readonly point: string | undefined;
  readonly parameters: string | undefined;
}

export function readListing(listing: string): readonly ListedKey[] {
  return listing.split(/^(?=\S)/m).flatMap((object) => {
    const kind = /^(Private|Public) Key Object/.exec(object)?.[1];
    if (kind === undefined) return [];
    return [
      {
        kind: kind === "Private" ? ("private" as const) : ("public" as const),
        label: field(object, "label"),
        id: field(object, "ID"),
        point: field(object, "EC_POINT"),
        parameters: field(object, "EC_PARAMS")?.split(" ")[0],
      },
    ];
  });
}

const field = (object: string, name: string): string | undefined =>
  new RegExp(`^\\s+${name}:\\s*(.*?)\\s*$`, "m").exec(object)?.[1];

/** A public key on a curve, as SubjectPublicKeyInfo in PEM. */
export function pointPem({ point, parameters }: ListedKey): string | undefined {
  if (point === undefined || parameters === undefined) return undefined;
  // PKCS#11 3.0 2.3.3: CKA_EC_POINT is an OCTET STRING around the point.
  const octets = Buffer.from(point, "hex");
  const bits = Buffer.concat([Buffer.from([0]), octets.subarray(2)]);
  const algorithm = sequence(Buffer.concat([Buffer.from(ecPublicKey, "hex"), Buffer.from(parameters, "hex")]));
  const spki = sequence(Buffer.concat([algorithm, Buffer.from([0x03, bits.length]), bits]));
  try {
    return createPublicKey({ key: spki, format: "der", type: "spki" })
      .export({ format: "pem", type: "spki" })
      .toString();
  } catch {
    return undefined;
  }
}

/** The object identifier id-ecPublicKey (RFC 5480 2.1.1). */
const ecPublicKey = "06072a8648ce3d0201";

const sequence = (body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(body.length < 0x80 ? [0x30, body.length] : [0x30, 0x81, body.length]), body]);
