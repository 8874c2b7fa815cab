import type { SignatureCheck } from "../keys/signature-check.ts";
import { forged, unknownToTrust, unreadable } from "../refusal.ts";
import { parseCertificate, type Certificate } from "./certificate.ts";
import { issuerOf, type Authority } from "./chain.ts";
import { namesCertificate, small } from "./cms.ts";
import { expectTag, inside, readDer, tags, type Der } from "./der.ts";
import { readToken, timeStamping, tokenCheck, type TimestampToken } from "./timestamp-token.ts";

/** A timestamp authority: its own certificate, verified, unless the timestamp is to bring it; and the chain above it. */
export interface TimestampAuthority {
  readonly leaf?: Certificate;
  readonly above: Authority;
}

/** RFC 3161: that `stamped` existed at the time a known authority says. The checks are still to be settled. */
export function readTimestamp(
  response: Buffer,
  stamped: Uint8Array,
  authorities: readonly TimestampAuthority[],
): { readonly at: number; readonly by: string; readonly checks: readonly SignatureCheck[] } {
  const token = readToken(tokenIn(response), stamped);
  const { leaf, above, isVerified } = stamperOf(token, authorities);
  const signed = tokenCheck(token, leaf);
  // The certificates beside the signature are not covered by it: only those that lead from it to the authority may stand there.
  if (token.certificates.some((der) => ![leaf, ...above.issuers].some((one) => one.der.equals(der))))
    throw unreadable("the timestamp carries certificates that play no part");
  const { checks } = issuerOf(leaf, [], [above], [token.at], timeStamping);
  return { at: token.at, by: above.name, checks: isVerified ? [signed] : [signed, ...checks] };
}

/** The certificate that the signer names by issuer and number: the trust document's, or one that a named authority issued. */
function stamperOf(
  { signer, certificates, at }: TimestampToken,
  authorities: readonly TimestampAuthority[],
): { readonly leaf: Certificate; readonly above: Authority; readonly isVerified: boolean } {
  const brought = authorities.some(({ leaf }) => leaf === undefined) ? certificates.map(parseCertificate) : [];
  const named = authorities.flatMap(({ leaf, above }) =>
    (leaf === undefined ? brought : [leaf])
      .filter((one) => one.issuer.equals(signer.issuer) && one.serial.equals(signer.serial))
      .filter((one) => above.issuers.some(({ subject }) => subject.equals(one.issuer)))
      .map((one) => ({ leaf: one, above, isVerified: one === leaf })),
  );
  if (named.length === 0)
    throw unknownToTrust(
      "its timestamp comes from an authority that the trust document does not name",
      "a trust document that names this timestamp authority",
    );
  // Issuer and number are names: the signed digest of the certificate says which one it was.
  const signed = named.filter(({ leaf }) => namesCertificate(signer, leaf, "the timestamp") !== false);
  const found = signed.find(({ above }) => at >= above.from && at <= above.until) ?? signed[0];
  if (found === undefined) throw forged("the timestamp names another certificate");
  return found;
}

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
