import type { SignatureCheck } from "../keys/signature-check.ts";
import { forged, unknownToTrust, unreadable } from "../refusal.ts";
import type { Certificate } from "./certificate.ts";
import { issuerOf, type Authority } from "./chain.ts";
import { small } from "./cms.ts";
import { expectTag, inside, readDer, tags, type Der } from "./der.ts";
import { readToken, tokenCheck } from "./timestamp-token.ts";

/** A timestamp authority: its own certificate, and the chain above it. */
export interface TimestampAuthority {
  readonly leaf: Certificate;
  readonly above: Authority;
}

/** RFC 3161: that `stamped` existed at the time a known authority says. The checks are still to be settled. */
export function readTimestamp(
  response: Buffer,
  stamped: Uint8Array,
  authorities: readonly TimestampAuthority[],
): { readonly at: number; readonly by: string; readonly checks: readonly SignatureCheck[] } {
  const token = readToken(tokenIn(response), stamped);
  const { issuer, serial } = token.signer;
  const tsa = authorities.find(({ leaf }) => leaf.issuer.equals(issuer) && leaf.serial.equals(serial));
  if (tsa === undefined)
    throw unknownToTrust(
      "its timestamp comes from an authority that the trust document does not name",
      "a trust document that names this timestamp authority",
    );
  const signed = tokenCheck(token, tsa.leaf);
  // The certificates beside the signature are not covered by it: only the one we already know may stand there.
  if (token.certificates.some((der) => !knownToChain(tsa, der)))
    throw unreadable("the timestamp carries certificates that play no part");
  const { checks } = issuerOf(tsa.leaf, [], [tsa.above], [token.at]);
  return { at: token.at, by: tsa.above.name, checks: [signed, ...checks] };
}

const knownToChain = (tsa: TimestampAuthority, der: Buffer): boolean =>
  [tsa.leaf, ...tsa.above.issuers].some((one) => one.der.equals(der));

/** RFC 3161 2.4.2: TimeStampResp. */
function tokenIn(response: Buffer): Der {
  if (response.length > maxTimestampBytes) throw unreadable(`a timestamp is larger than ${maxTimestampBytes} bytes`);
  const [status, info, more] = inside(expectTag(readDer(response), tags.sequence, "a timestamp response"));
  if (more !== undefined) throw unreadable("a timestamp response holds more than a token");
  const [state] = inside(expectTag(status, tags.sequence, "the timestamp's status"));
  const granted = small(state, "the timestamp's status");
  if (granted !== 0 && granted !== 1) throw forged("the timestamp authority refused to stamp it");
  return expectTag(info, tags.sequence, "a timestamp token");
}

const maxTimestampBytes = 64 * 1024;
