import { signatureCheck, settle, type SignatureCheck } from "../keys/signature-check.ts";
import { forged, guarded, type Refusal, unknownToTrust, unreadable } from "../refusal.ts";
import {
  couldIssue,
  digestOfSignatureOid,
  extendedUsages,
  isAuthority,
  parseCertificate,
  pathLength,
  type Certificate,
} from "./certificate.ts";
import { whole } from "./der.ts";

/** A chain of issuers that the trust document names, from the one that signs leaves up to the root. Checked once, when read. */
export interface Authority {
  readonly name: string;
  readonly issuers: readonly [Certificate, ...Certificate[]];
  readonly from: number;
  readonly until: number;
  /** Its instance keeps no log of certificates or signatures: the owner's root names none, and its clock alone gives the time. */
  readonly withoutLogs?: boolean;
}

/** Every issuer signed by the next, each allowed to issue, the last one by itself where it is self-signed. */
export function authority(
  name: string,
  chain: readonly Buffer[],
  from: number,
  until: number,
  withoutLogs = false,
): Authority {
  const [first, ...rest] = chain.map(parseCertificate);
  if (first === undefined) throw unreadable(`the authority ${name} has no certificate`);
  const issuers: [Certificate, ...Certificate[]] = [first, ...rest];
  for (const [at, certificate] of issuers.entries()) {
    if (!isAuthority(certificate)) throw unreadable(`a certificate of ${name} may not issue others`);
    const issuer = issuers[at + 1];
    if (issuer !== undefined) settle([issuedBy(certificate, issuer)]);
    else if (certificate.issuer.equals(certificate.subject)) settle([issuedBy(certificate, certificate)]);
  }
  return { name, issuers, from, until, withoutLogs };
}

/**
 * The authority that issued `leaf`, and the one signature left to settle for it. `between` are certificates the document itself
 * brought; those the authority does not know have to lead from the leaf to it, and none may be left over. `usage` is what the
 * certificate is used for.
 */
export function issuerOf(
  leaf: Certificate,
  between: readonly Buffer[],
  authorities: readonly Authority[],
  times: readonly number[],
  usage: string,
): { readonly authority: Authority; readonly issuer: Certificate; readonly checks: readonly SignatureCheck[] } {
  if (couldIssue(leaf)) throw forged("the signing certificate is itself an authority");
  const unknown = between.filter(
    (der) => !authorities.some(({ issuers }) => issuers.some((one) => one.der.equals(der))),
  );
  const strangers = unknown.map(parseCertificate);
  const candidates = authorities.flatMap((known) => pathsFrom(leaf, strangers, known));
  if (candidates.length === 0)
    throw unknownToTrust(
      "its certificate was issued by an authority that the trust document does not name",
      "a trust document that names this certificate's issuer",
    );
  const open = candidates.filter(({ authority: known }) => times.every((at) => at >= known.from && at <= known.until));
  if (open.length === 0) throw forged("its certificate's authority was not trusted at the time of signing");
  // With one way to go the leaf's own signature is left to the caller; among several it decides which way is meant.
  const certain = open.length === 1 ? 1 : 0;
  const checked = open.map((candidate) => ({
    candidate,
    refusal: pathRefusal(leaf, candidate, times, usage, certain),
  }));
  const sound = checked.find(({ refusal }) => refusal === undefined)?.candidate;
  if (sound === undefined) throw checked[0]?.refusal ?? forged("its certificate chain does not verify");
  const issuer = sound.path[0] ?? sound.authority.issuers[0];
  return { authority: sound.authority, issuer, checks: sound.checks.slice(0, certain) };
}

interface Path {
  readonly authority: Authority;
  /** From the leaf's issuer up to, and with, the first certificate the authority knows. */
  readonly path: readonly Certificate[];
  /** What the authority knows above that. */
  readonly above: readonly Certificate[];
  readonly checks: readonly SignatureCheck[];
}

function pathsFrom(leaf: Certificate, strangers: readonly Certificate[], known: Authority): readonly Path[] {
  const steps = [leaf, ...strangers];
  const last = steps.at(-1);
  const tops = [...known.issuers.entries()].filter(([, issuer]) => last?.issuer.equals(issuer.subject) === true);
  const linked = steps.every((one, at) => at === 0 || steps[at - 1]?.issuer.equals(one.subject) === true);
  if (!linked || strangers.length > maxStrangers) return [];
  return tops.map(([at, issuer]) => {
    const path = [...strangers, issuer];
    return {
      authority: known,
      path,
      above: known.issuers.slice(at + 1),
      checks: steps.map((one, step) => issuedBy(one, path[step] ?? issuer)),
    };
  });
}

const maxStrangers = 4;

function pathRefusal(
  leaf: Certificate,
  { path, above, checks }: Path,
  times: readonly number[],
  usage: string,
  left: number,
): Refusal | undefined {
  return guarded<Refusal | undefined>(
    () => {
      for (const [below, one] of [...path, ...above].entries()) requireIssuer(one, below, usage);
      for (const one of [leaf, ...path])
        if (times.some((at) => at < one.notBefore || at > one.notAfter))
          throw forged("a certificate of the chain was not valid at the time of signing");
      settle(checks.slice(left));
      return undefined;
    },
    (refusal) => refusal,
  );
}

/** `below` authorities stand between this one and the leaf. */
function requireIssuer(certificate: Certificate, below: number, usage: string): void {
  if (!isAuthority(certificate)) throw forged("a certificate in the chain may not issue others");
  // RFC 5280 4.2.1.9
  if (below > pathLength(certificate)) throw forged("a certificate in the chain may not issue other authorities");
  // RFC 5280 4.2.1.12, as every verifier of the field reads it: what an authority's certificate is not for, it cannot pass on.
  const usages = extendedUsages(certificate);
  if (usages.length > 0 && !usages.includes(usage) && !usages.includes(anyUsage))
    throw forged("a certificate in the chain was issued for another use");
}

const anyUsage = "2.5.29.37.0";

export const issuedBy = (certificate: Certificate, issuer: Certificate): SignatureCheck =>
  signatureCheck(
    "a certificate's signature by its issuer",
    issuer.key,
    whole(certificate.tbs),
    certificate.signature,
    digestOfSignatureOid(certificate.signatureAlgorithm),
  );
