import { unreachable } from "../lib/unreachable.ts";
import { Refusal } from "./refusal.ts";
import type { Signer } from "./sigstore/signer.ts";
import type { Subject } from "./subject.ts";
import type { Revocation, Trust } from "./trust.ts";

/**
 * The owner's withdrawals. A window bounds what was signed within it; without proof of the time of signing every window applies,
 * because a stolen key would otherwise only have to leave the time out.
 */
export function requireNotRevoked(
  trust: Trust,
  subject: Subject,
  signer: Signer | undefined,
  times: readonly number[],
): void {
  const found = trust.revocations.find((one) => names(one, subject, signer) && within(one, times));
  if (found !== undefined)
    throw new Refusal("revoked", `the owner revoked the ${found.what} ${found.value}: ${found.why}`);
}

function names({ what, value }: Revocation, subject: Subject, signer: Signer | undefined): boolean {
  switch (what) {
    case "digest":
      return value === subject.sha256 || value === subject.sha512;
    case "package":
      return subject.package !== undefined && value === packageName(subject.package);
    case "signer":
      return (
        (signer?.kind === "certificate" && value === signer.identity) ||
        (signer?.kind === "subject" && value === signer.subject)
      );
    case "certificate":
      return (signer?.kind === "certificate" || signer?.kind === "subject") && value === signer.fingerprint;
    case "key":
      return signer?.kind === "key" && (value === signer.keyId || value === signer.fingerprint);
    default:
      return unreachable(what);
  }
}

const packageName = ({ ecosystem, name, version }: NonNullable<Subject["package"]>): string =>
  `${ecosystem}/${name}@${version}`;

const within = ({ from, until }: Revocation, times: readonly number[]): boolean =>
  times.length === 0 || times.some((at) => at >= from && at <= until);
