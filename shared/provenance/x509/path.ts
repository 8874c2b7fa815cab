import { settle } from "../keys/signature-check.ts";
import { forged, guarded, Refusal, unknownToTrust, unreadable, unsupported } from "../refusal.ts";
import {
  couldIssue,
  digestOfSignatureOid,
  digitalSignature,
  extendedUsages,
  isAuthority,
  parseCertificate,
  pathLength,
  usageAllows,
  type Certificate,
} from "./certificate.ts";
import { issuedBy } from "./chain.ts";

/** A certificate the owner trusts by itself: a root, one between, or a signer's own. */
export interface Anchor {
  readonly name: string;
  readonly certificate: Certificate;
  readonly from: number;
  readonly until: number;
}

export interface TrustedPath {
  readonly anchor: Anchor;
  /** The owner named the signer's own certificate. */
  readonly pinned: boolean;
}

/**
 * RFC 5280 6.1, as far as code signing needs it: from the signer's certificate over those the document brought to one the owner
 * trusts, every signature settled, at the given times. `usage` is what the certificate has to be for, on the whole way down.
 */
export function pathTo(
  anchors: readonly Anchor[],
  leaf: Certificate,
  brought: readonly Certificate[],
  times: readonly number[],
  usage: string,
): TrustedPath {
  if (!isFor(leaf, usage)) throw forged(`its certificate is not for this use (${usage})`);
  if (!usageAllows(leaf, digitalSignature)) throw forged("its certificate is not for signatures");
  const pinned = anchors.find(({ certificate }) => certificate.der.equals(leaf.der));
  if (pinned !== undefined) {
    requireValid([leaf], times);
    return inWindow({ anchor: pinned, pinned: true }, times);
  }
  if (couldIssue(leaf)) throw forged("the signing certificate is itself an authority");
  const ways = waysUp(leaf, brought, anchors);
  if (ways.length === 0)
    throw unknownToTrust(
      "its certificate was issued by an authority that the trust document does not name",
      "a trust document that names this certificate's issuer",
    );
  const tried = ways.map((way) =>
    guarded<TrustedPath | Refusal>(
      () => walked(way, times, usage),
      (refusal) => refusal,
    ),
  );
  const sound = tried.find((one) => !(one instanceof Refusal));
  if (sound !== undefined && !(sound instanceof Refusal)) return sound;
  throw tried.find((one) => one instanceof Refusal) ?? forged("its certificate chain does not verify");
}

interface Way {
  readonly anchor: Anchor;
  /** From the signer's certificate up to, and with, the anchor's. */
  readonly steps: readonly Certificate[];
}

/** By name alone, breadth first and bounded: what names promise is checked in `walked`. */
function waysUp(leaf: Certificate, brought: readonly Certificate[], anchors: readonly Anchor[]): readonly Way[] {
  const found: Way[] = [];
  let open: readonly (readonly Certificate[])[] = [[leaf]];
  for (let step = 0; step < maxSteps; step += 1) {
    for (const steps of open)
      for (const anchor of anchors)
        if (steps.at(-1)?.issuer.equals(anchor.certificate.subject) === true)
          found.push({ anchor, steps: [...steps, anchor.certificate] });
    open = open.flatMap((steps) => brought.filter((next) => continues(steps, next)).map((next) => [...steps, next]));
    open = open.slice(0, maxWays);
  }
  return found.slice(0, maxWays);
}

const continues = (steps: readonly Certificate[], next: Certificate): boolean =>
  steps.at(-1)?.issuer.equals(next.subject) === true && steps.every((one) => !one.der.equals(next.der));

/** Chains of the field have two to four certificates; cross-signed authorities give them a few ways up. */
const maxSteps = 6;
export const maxWays = 16;

function walked({ anchor, steps }: Way, times: readonly number[], usage: string): TrustedPath {
  const [, ...above] = steps;
  for (const [below, one] of above.entries()) {
    if (!isAuthority(one)) throw forged("a certificate in the chain may not issue others");
    // RFC 5280 4.2.1.9: how many certificates may stand between it and the last one.
    if (below > pathLength(one)) throw forged("a certificate in the chain issued an authority it may not");
    if (!isFor(one, usage) && !extendedUsages(one).includes(anyUsage))
      throw forged("a certificate in the chain may not issue certificates for this use");
    if (one.extensions.has(nameConstraints)) throw unsupported("an authority with name constraints is not read");
  }
  requireValid(steps, times);
  settle(steps.flatMap((one, at) => above.slice(at, at + 1).map((issuer) => issuedBy(one, issuer))));
  return inWindow({ anchor, pinned: false }, times);
}

/** RFC 5280 4.2.1.12: a certificate without the extension is not restricted. */
function isFor(certificate: Certificate, usage: string): boolean {
  const usages = extendedUsages(certificate);
  return usages.length === 0 || usages.includes(usage);
}

const anyUsage = "2.5.29.37.0";
const nameConstraints = "2.5.29.30";

function requireValid(steps: readonly Certificate[], times: readonly number[]): void {
  if (steps.some((one) => times.some((at) => at < one.notBefore)))
    throw forged("a certificate of the chain was not valid yet at the time of signing");
  if (steps.some((one) => times.some((at) => at > one.notAfter)))
    throw new Refusal(
      "no-time-proof",
      "a certificate of the chain had expired, and nothing proves an earlier time of signing",
      "a timestamp from before the certificate's end",
    );
}

function inWindow(path: TrustedPath, times: readonly number[]): TrustedPath {
  const { from, until } = path.anchor;
  if (times.every((at) => at >= from && at <= until)) return path;
  throw forged("its certificate's authority was not trusted at the time of signing");
}

/**
 * The certificates beside a signature are not covered by it. Each has to be a signer's, or by name stand above one that plays a part.
 * Answers them parsed.
 */
export function certificatesBeside(
  brought: readonly Buffer[],
  isSigner: (certificate: Certificate) => boolean,
  what: string,
): readonly Certificate[] {
  const all = brought.map(parseCertificate);
  const part = new Set(all.filter(isSigner));
  for (let before = -1; before !== part.size;) {
    before = part.size;
    for (const one of all) if ([...part].some((other) => other.issuer.equals(one.subject))) part.add(one);
  }
  if (part.size !== all.length) throw unreadable(`${what} carries certificates that play no part`);
  return all;
}

/** Beside a signature that leads to an anchor: each of them is an anchor's, or was issued by one of them or an anchor. */
export function requireIssuers(all: readonly Certificate[], anchors: readonly Anchor[], what: string): void {
  const known = [...all, ...anchors.map(({ certificate }) => certificate)];
  for (const one of all) {
    if (anchors.some(({ certificate }) => certificate.der.equals(one.der)) || !isAccepted(one)) continue;
    const issuers = known.filter(({ subject }) => subject.equals(one.issuer));
    if (!issuers.some((issuer) => issues(issuer, one)))
      throw unreadable(`${what} carries a certificate that nobody at hand issued`);
  }
}

const issues = (issuer: Certificate, one: Certificate): boolean =>
  guarded(
    () => {
      settle([issuedBy(one, issuer)]);
      return true;
    },
    () => false,
  );

/** Old roots signed themselves with SHA-1. As long as no step of a chain rests on one, it may lie there. */
const isAccepted = ({ signatureAlgorithm }: Certificate): boolean =>
  guarded(
    () => {
      digestOfSignatureOid(signatureAlgorithm);
      return true;
    },
    () => false,
  );
