import { hash } from "node:crypto";
import type { SignatureCheck } from "../keys/signature-check.ts";
import { forged, unreadable, unsupported } from "../refusal.ts";
import { extendedUsages, oids, type Certificate } from "./certificate.ts";
import {
  algorithmId,
  contentCheck,
  digestByOid,
  namesCertificate,
  readSignedData,
  small,
  type CmsSigner,
} from "./cms.ts";
import { contents, derTime, expectTag, inside, readDer, tags, type Der } from "./der.ts";

/** An RFC 3161 token over the bytes it was asked for. Whose certificate signed it is for the caller to find and to trust. */
export interface TimestampToken {
  readonly at: number;
  readonly certificates: readonly Buffer[];
  readonly signer: CmsSigner;
  readonly content: Buffer;
}

export function readToken(info: Der, stamped: Uint8Array): TimestampToken {
  const { version, contentType, content, certificates, signers } = readSignedData(info, "the timestamp");
  if (contentType !== tstInfo || content === undefined) throw unreadable("this is not a timestamp");
  const [signer, another] = signers;
  if (another !== undefined) throw unreadable("a timestamp has one signer");
  const { at, digest, imprint } = infoOf(content);
  // Nobody signs the version, but the time is signed: 1 is read for the years in which it was written.
  if (version === 1 && at >= versionOneEnds) throw unsupported("the timestamp is not of version 3");
  if (!hash(digest, stamped, "buffer").equals(imprint)) throw forged("the timestamp was made for another signature");
  return { at, certificates, signer, content };
}

/** GitHub's clock wrote version 1 in 2023; in April 2024 it wrote 3, as RFC 5652 5.1 asks. */
const versionOneEnds = Date.parse("2024-01-01T00:00:00Z");

const tstInfo = "1.2.840.113549.1.9.16.1.4";

/** That `leaf` may stamp time, is the certificate the token names, and the signature that then has to hold. */
export function tokenCheck({ signer, content }: TimestampToken, leaf: Certificate): SignatureCheck {
  // RFC 3161 2.3: the certificate is for time stamping and nothing else, and says so in a way nobody may pass over.
  if (extendedUsages(leaf).join() !== timeStamping || leaf.extensions.get(oids.extendedKeyUsage)?.critical !== true)
    throw forged("the timestamp's certificate is not for time stamping");
  if (signer.signed === undefined) throw unreadable("the timestamp has no signed attributes");
  const named = namesCertificate(signer, leaf, "the timestamp");
  if (named === undefined) throw forged("the timestamp does not name its certificate");
  const check = contentCheck(signer, leaf, content, tstInfo, "the timestamp");
  if (!named) throw forged("the timestamp names another certificate");
  return check;
}

export const timeStamping = "1.3.6.1.5.5.7.3.8";

/** RFC 3161 2.4.2: TSTInfo. */
function infoOf(content: Buffer): { readonly at: number; readonly digest: string; readonly imprint: Buffer } {
  const [version, , imprint, , time, ...optional] = inside(
    expectTag(readDer(content), tags.sequence, "a timestamp's content"),
  );
  // RFC 3161 2.4.2: accuracy, ordering, nonce and name do not move the time; a critical extension might.
  const extensions = optional.find(({ tag }) => tag === 0xa1);
  if (extensions !== undefined && inside(extensions).some((one) => inside(one)[1]?.tag === tags.boolean))
    throw unsupported("the timestamp has a critical extension");
  if (small(version, "a timestamp's version") !== 1) throw unsupported("a timestamp is not of version 1");
  const [algorithm, digest] = inside(expectTag(imprint, tags.sequence, "a timestamp's imprint"));
  return {
    at: derTime(expectTag(time, tags.generalizedTime, "the timestamp's time")),
    digest: digestByOid(algorithmId(algorithm, "the imprint's algorithm")),
    imprint: contents(expectTag(digest, tags.octetString, "a timestamp's imprint")),
  };
}
