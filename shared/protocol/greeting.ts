import { canonicalJson } from "../lib/canonical-json.ts";

/**
 * The bytes each side signs with its Ed25519 key. Both nonces stand in every signature, so that none can be used again;
 * the purpose keeps a signature made for one step from passing for another.
 */
export type Signed =
  | {
      readonly purpose: "provost challenge v1";
      readonly agentNonce: string;
      readonly serverNonce: string;
      /**
       * With TLS: SHA-256 of the certificate that the server shows, in hex (tls-server-end-point of RFC 5929). Whoever ends TLS with
       * another certificate in between, however it was issued, does not get past the greeting.
       */
      readonly certificate?: string;
    }
  | {
      readonly purpose: "provost enrol v1";
      readonly agentNonce: string;
      readonly serverNonce: string;
      readonly serverKey: string;
      readonly deviceKey: string;
      readonly token: string;
    }
  | {
      readonly purpose: "provost resume v1";
      readonly agentNonce: string;
      readonly serverNonce: string;
      readonly serverKey: string;
      readonly device: string;
    }
  | {
      readonly purpose: "provost welcome v1";
      readonly agentNonce: string;
      readonly serverNonce: string;
      readonly device: string;
      readonly acknowledged: number;
    };

export const signedBytes = (statement: Signed): Uint8Array => new TextEncoder().encode(canonicalJson(statement));

/** `pvt1.<secret>.<SHA-256 of the server's public key>`: whom to believe and the right to join, in one line to paste. */
export interface EnrolmentToken {
  readonly secret: string;
  readonly serverKeySha256: string;
}

export function parseToken(text: string): EnrolmentToken | undefined {
  const match = /^pvt1\.([A-Za-z0-9_-]{32})\.([A-Za-z0-9_-]{43})$/.exec(text.trim());
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { secret: match[1], serverKeySha256: match[2] };
}

export const formatToken = (token: EnrolmentToken): string => `pvt1.${token.secret}.${token.serverKeySha256}`;
