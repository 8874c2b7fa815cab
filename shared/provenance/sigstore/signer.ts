import { forged, unsupported } from "../refusal.ts";
import { digitalSignature, extendedUsages, oids, usageAllows, type Certificate } from "../x509/certificate.ts";
import { contents, expectTag, inside, nested, oidText, tags, type Der } from "../x509/der.ts";
import { plainText } from "../x509/plain-text.ts";

/** Who signed, once the signature holds. */
export type Signer = CertificateSigner | KeySigner | SubjectSigner;

export interface KeySigner {
  readonly kind: "key";
  readonly keyId: string;
  readonly name: string;
  readonly fingerprint: string;
}

/** A certificate that names its holder, from an authority the owner trusts for it: jars and NuGet packages. */
export interface SubjectSigner {
  readonly kind: "subject";
  /** The owner's name for what the chain ended in. */
  readonly authority: string;
  /** RFC 4514 text. */
  readonly subject: string;
  readonly fingerprint: string;
}

/** What Fulcio wrote into the certificate. `identity` is its only subject alternative name, byte for byte. */
export interface CertificateSigner {
  readonly kind: "certificate";
  readonly authority: string;
  readonly issuer: string;
  readonly identity: string;
  readonly identityKind: "uri" | "email" | "other";
  readonly fingerprint: string;
  readonly workload: Workload;
}

/** Fulcio's extensions about the workflow that asked for the certificate (fulcio docs/oid-info.md). */
export interface Workload {
  readonly sourceRepository?: string;
  readonly sourceDigest?: string;
  readonly sourceRef?: string;
  readonly sourceOwner?: string;
  /** The host's own numbers: they stay when a repository is renamed or given to somebody else, its owner's own does not. */
  readonly sourceRepositoryId?: string;
  readonly sourceOwnerId?: string;
  readonly buildSigner?: string;
  readonly buildConfig?: string;
  readonly buildConfigDigest?: string;
  readonly runner?: string;
  readonly trigger?: string;
  readonly run?: string;
}

export function certificateSigner(leaf: Certificate, authority: string): CertificateSigner {
  if (!extendedUsages(leaf).includes(codeSigning)) throw forged("its certificate is not for code signing");
  if (!usageAllows(leaf, digitalSignature)) throw forged("its certificate is not for signatures");
  return {
    kind: "certificate",
    authority,
    issuer: value(leaf, "8") ?? legacy(leaf, "1") ?? "",
    ...identityOf(leaf),
    fingerprint: leaf.fingerprint,
    workload: workloadOf(leaf),
  };
}

export const codeSigning = "1.3.6.1.5.5.7.3.3";

function identityOf(leaf: Certificate): Pick<CertificateSigner, "identity" | "identityKind"> {
  const extension = leaf.extensions.get(oids.subjectAltName);
  if (extension === undefined) throw forged("its certificate names no identity");
  const [name, another] = inside(expectTag(nested(extension.value), tags.sequence, "the certificate's identity"));
  if (name === undefined) throw forged("its certificate names no identity");
  if (another !== undefined) throw unsupported("its certificate names more than one identity");
  switch (name.tag) {
    case 0x86:
      return { identity: plainText(contents(name)), identityKind: "uri" };
    case 0x81:
      return { identity: plainText(contents(name)), identityKind: "email" };
    case 0xa0:
      return { identity: otherName(name), identityKind: "other" };
    default:
      throw unsupported("its certificate names an identity that is neither URI, e-mail nor user name");
  }
}

/** Fulcio's user name: otherName with its own type. */
function otherName(name: Der): string {
  const [type, holder] = inside(name);
  if (oidText(expectTag(type, tags.oid, "the certificate's identity")) !== "1.3.6.1.4.1.57264.1.7")
    throw unsupported("its certificate names an identity of an unknown type");
  return plainText(
    contents(expectTag(nested(expectTag(holder, 0xa0, "the identity")), tags.utf8String, "the identity")),
  );
}

function workloadOf(leaf: Certificate): Workload {
  const repository = legacy(leaf, "5");
  const found: Record<keyof Workload, string | undefined> = {
    sourceRepository: value(leaf, "12") ?? (repository === undefined ? undefined : `https://github.com/${repository}`),
    sourceDigest: value(leaf, "13") ?? legacy(leaf, "3"),
    sourceRef: value(leaf, "14") ?? legacy(leaf, "6"),
    sourceOwner: value(leaf, "16"),
    sourceRepositoryId: value(leaf, "15"),
    sourceOwnerId: value(leaf, "17"),
    buildSigner: value(leaf, "9"),
    buildConfig: value(leaf, "18"),
    buildConfigDigest: value(leaf, "19"),
    runner: value(leaf, "11"),
    trigger: value(leaf, "20") ?? legacy(leaf, "2"),
    run: value(leaf, "21"),
  };
  return Object.fromEntries(Object.entries(found).filter(([, text]) => text !== undefined));
}

const fulcio = "1.3.6.1.4.1.57264.1.";

/** Extensions 1.8 and later: a DER UTF8String. */
function value(leaf: Certificate, arc: string): string | undefined {
  const extension = leaf.extensions.get(fulcio + arc);
  if (extension === undefined) return undefined;
  return plainText(contents(expectTag(nested(extension.value), tags.utf8String, "a Fulcio extension")));
}

/** Extensions 1.1 to 1.6: the text itself. */
function legacy(leaf: Certificate, arc: string): string | undefined {
  const extension = leaf.extensions.get(fulcio + arc);
  if (extension === undefined || extension.value.body === extension.value.end) return undefined;
  return plainText(contents(extension.value));
}
