import { settle } from "../keys/signature-check.ts";
import { asRefusal, forged, Refusal, unreadable, unsupported } from "../refusal.ts";
import { codeSigning, type SubjectSigner } from "../sigstore/signer.ts";
import type { Certificate } from "./certificate.ts";
import { cmsOids, contentCheck, namesCertificate, onlyValue, type CmsSigner } from "./cms.ts";
import { nameText } from "./distinguished-name.ts";
import { certificatesBeside, pathTo, requireIssuers, type Anchor } from "./path.ts";
import { readToken, timeStamping, tokenCheck } from "./timestamp-token.ts";

/** Whom the owner trusts to sign code of one kind, and to say when. */
export interface CodeTrust {
  readonly signers: readonly Anchor[];
  readonly timestamps: readonly Anchor[];
}

/** What a signature has to be over. */
export interface SignedBytes {
  readonly bytes: Uint8Array;
  /** The content's type; undefined in a countersignature. */
  readonly type: string | undefined;
  /** Whoever asks reads the countersignature too. */
  readonly mayBeCountersigned?: boolean;
}

export interface CodeSigner {
  readonly signer: SubjectSigner;
  readonly certificate: Certificate;
  /** The owner named this very certificate, not one above it. */
  readonly pinned: boolean;
  /** Empty where no timestamp of an authority that the owner names comes with it. */
  readonly times: readonly { readonly at: number; readonly by: string }[];
}

/**
 * One CMS signature over `content`, every signature settled: the signer's, the timestamp's, each certificate's. Without a timestamp the
 * certificates have to be valid now, because nothing shows that it was signed while they were.
 */
export function codeSignerOf(
  signed: CmsSigner,
  content: SignedBytes,
  brought: readonly Certificate[],
  trust: CodeTrust,
  now: number,
  what: string,
): CodeSigner {
  const certificate = [...brought, ...trust.signers.map((one) => one.certificate)].find(isSignerOf(signed));
  if (certificate === undefined) throw unreadable(`${what} comes without its signer's certificate`);
  if (namesCertificate(signed, certificate, what) === false) throw forged(`${what} names another certificate`);
  for (const name of signed.unsigned.values.keys())
    if (name !== cmsOids.timestampToken && !(name === cmsOids.countersignature && content.mayBeCountersigned === true))
      throw unsupported(`${what} carries an attribute that nobody signed: ${name}`);
  settle([contentCheck(signed, certificate, content.bytes, content.type, what)]);
  const times = timesOf(signed, trust.timestamps);
  if (times.some(({ at }) => at > now + clockSkew))
    throw new Refusal(
      "no-time-proof",
      "it was signed after the time it is judged at",
      "a clock that is right, or a later time",
    );
  const at = times.length > 0 ? times.map((time) => time.at) : [now];
  const { anchor, pinned } = pathTo(trust.signers, certificate, brought, at, codeSigning);
  requireIssuers(brought, trust.signers, what);
  const { fingerprint, subject } = certificate;
  const signer = { kind: "subject", authority: anchor.name, subject: nameText(subject), fingerprint } as const;
  return { signer, certificate, pinned, times };
}

/** Clocks of signer and judge may differ by this much. */
const clockSkew = 5 * 60 * 1000;

export const isSignerOf =
  ({ issuer, serial }: CmsSigner) =>
  (certificate: Certificate): boolean =>
    certificate.issuer.equals(issuer) && certificate.serial.equals(serial);

/**
 * RFC 3161 Appendix A: the token among the unsigned attributes, over the signature's value. One by an authority that the owner does not
 * name has to hold all the same; its time is then nobody's word.
 */
function timesOf(signed: CmsSigner, anchors: readonly Anchor[]): CodeSigner["times"] {
  const value = onlyValue(signed.unsigned, cmsOids.timestampToken, "the signature");
  if (value === undefined) return [];
  const token = readToken(value, signed.signature);
  const isSigner = isSignerOf(token.signer);
  const brought = certificatesBeside(token.certificates, isSigner, "the timestamp");
  const leaf = [...brought, ...anchors.map((one) => one.certificate)].find(isSigner);
  if (leaf === undefined) throw unreadable("the timestamp comes without its signer's certificate");
  settle([tokenCheck(token, leaf)]);
  try {
    const { anchor } = pathTo(anchors, leaf, brought, [token.at], timeStamping);
    requireIssuers(brought, anchors, "the timestamp");
    return [{ at: token.at, by: anchor.name }];
  } catch (cause) {
    const refusal = asRefusal(cause);
    if (refusal.basis === "stale-trust") return [];
    throw refusal;
  }
}

/** The certificates that travel with these signatures, none of them without a part. */
export const certificatesOf = (
  signers: readonly CmsSigner[],
  brought: readonly Buffer[],
  what: string,
): readonly Certificate[] => certificatesBeside(brought, (one) => signers.some((by) => isSignerOf(by)(one)), what);
