import { hexBytes } from "../lib/strict-base64.ts";
import type { Envelope } from "./intoto/envelope.ts";
import { statementIn, type Statement } from "./intoto/statement.ts";
import type { Bundle } from "./sigstore/bundle.ts";
import { pemOrDer } from "./sigstore/pem.ts";

/** The digest of a subject, lower-case hexadecimal of the length its algorithm has. */
export interface SubjectDigest {
  readonly algorithm: "sha256" | "sha512";
  readonly hex: string;
}

/** What one signed part of a document says of itself, for whoever files it. Nothing of it is verified. */
export interface Said {
  readonly statement?: Statement;
  readonly digests?: readonly SubjectDigest[];
  readonly purls?: readonly string[];
  /** The signer's certificate in DER, or the names of the keys that are said to have signed. */
  readonly certificate?: Buffer;
  readonly keyIds?: readonly string[];
}

/** Undefined for an algorithm that is not indexed or text that is no such digest; never another spelling made equal. */
export function subjectDigest(algorithm: string, hex: string): SubjectDigest | undefined {
  const known = algorithm === "sha256" || algorithm === "sha512" ? algorithm : undefined;
  if (known === undefined || hexBytes(hex)?.length !== lengths[known]) return undefined;
  return { algorithm: known, hex };
}

const lengths = { sha256: 32, sha512: 64 } as const;

export function saidByBundle({ content, signer }: Bundle): Said {
  const who = "hint" in signer ? { keyIds: named([signer.hint]) } : { certificate: signer.certificates[0] };
  if (content.kind === "envelope") return { ...who, statement: statementIn(content.envelope) };
  const digest = subjectDigest(plainName(content.algorithm), content.digest.toString("hex"));
  return { ...who, digests: digest === undefined ? [] : [digest] };
}

export function saidByEnvelope(envelope: Envelope): Said {
  const pem = envelope.signatures.find(({ certificate }) => certificate !== undefined)?.certificate;
  return {
    statement: statementIn(envelope),
    keyIds: named(envelope.signatures.map(({ keyId }) => keyId)),
    ...(pem === undefined ? {} : { certificate: pemOrDer(Buffer.from(pem)) }),
  };
}

/** sigstore_common.proto, HashAlgorithm: "SHA2_256" and its relatives. */
const plainName = (algorithm: string): string =>
  ({ SHA2_256: "sha256", SHA2_512: "sha512" })[algorithm] ?? algorithm.toLowerCase();

const named = (ids: readonly string[]): readonly string[] => ids.filter((id) => id !== "");
