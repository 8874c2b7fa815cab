import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import { instant, sha256, type Sha256 } from "@provost/shared/model/ids.ts";
import type { Criteria } from "@provost/shared/provenance/criteria.ts";
import { asRefusal, Refusal } from "@provost/shared/provenance/refusal.ts";
import { refusalReading } from "@provost/shared/provenance/reading.ts";
import { readBundle, type Bundle } from "@provost/shared/provenance/sigstore/bundle.ts";
import { checkBundle } from "@provost/shared/provenance/sigstore/check-bundle.ts";
import type { Signer } from "@provost/shared/provenance/sigstore/signer.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import type { Trust } from "@provost/shared/provenance/trust.ts";
import { readDocument } from "../provenance/read-document.ts";
import { readSubject } from "../provenance/read-subject.ts";
import { plainKey, sigstoreTrust } from "../provenance/sigstore-trust.ts";
import { maxKeyBytes } from "../signing/open-signer.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import { jsonLine } from "./terminal.ts";

/** The options of sigstore-conformance's docs/cli_protocol.md. */
export interface BundleQuestion {
  readonly bundle: string;
  readonly certificateIdentity?: string;
  readonly certificateOidcIssuer?: string;
  readonly key?: string;
  readonly trustedRoot?: string;
  readonly staging?: boolean;
}

/** `provost verify-bundle`: exit code 0 accepts, anything else refuses and says why on standard error. */
export async function verifyBundle(request: Request, subject: string, asked: BundleQuestion): Promise<ExitCode> {
  const path = (name: string): string => resolve(request.cwd, name);
  const criteria = criteriaOf(asked);
  refuseStaging(asked);
  const trust = sigstoreTrust(asked.trustedRoot === undefined ? undefined : path(asked.trustedRoot));
  const bytes = readDocument("the bundle", path(asked.bundle), maxBundleBytes);
  const about = subjectOf(subject, path);
  try {
    const now = instant(request.now());
    if (now > trust.expires) throw new Refusal("stale-trust", "the trusted root has expired", "a current trusted root");
    const bundle = readBundle(bytes);
    const keys = asked.key === undefined ? trust : withKey(trust, bundle, path(asked.key));
    const { signed } = await checkBundle(bundle, { subject: about, criteria, trust: keys, now });
    if (request.json) request.terminal.out(jsonLine({ accepted: true, signer: signed.signer, times: signed.times }));
    else request.terminal.out(`accepted: signed by ${whoIs(signed.signer)}`, "good");
    return exitCodes.asWanted;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    return refuse(request, asRefusal(cause));
  }
}

export const maxBundleBytes = 32 * 1024 * 1024;

function criteriaOf({ certificateIdentity: identity, certificateOidcIssuer: issuer, key }: BundleQuestion): Criteria {
  if (key !== undefined) {
    if (identity === undefined && issuer === undefined) return {};
    throw new AppError("CONFIG_INVALID", "--key and --certificate-identity exclude each other", {
      remedy: "a signature is made with a key of yours or with a certificate, never with both",
    });
  }
  if (identity !== undefined && issuer !== undefined)
    return { signers: [{ kind: "certificate", issuer, identity: { kind: "exact", text: identity } }] };
  throw new AppError("CONFIG_INVALID", "who should have signed was not said", {
    remedy: "give --certificate-identity and --certificate-oidc-issuer, or --key",
  });
}

/** Sigstore's staging instance is for trials: Provost carries no root of it, and fetching one here would be trust on first use. */
export function refuseStaging({ staging, trustedRoot }: Pick<BundleQuestion, "staging" | "trustedRoot">): void {
  if (staging === true && trustedRoot === undefined)
    throw new AppError("CONFIG_INVALID", "--staging: Provost carries no trusted root of Sigstore's staging instance", {
      remedy: "give it with --trusted-root",
    });
}

/** "sha256:" and 64 hexadecimal digits are a digest unless a file has that very name. */
function subjectOf(named: string, path: (name: string) => string): Subject {
  const digest = /^(sha256|sha512):([0-9a-fA-F]+)$/.exec(named);
  const [, algorithm, hex = ""] = digest ?? [];
  const known = hex.toLowerCase();
  if (digest !== null && hex.length === (algorithm === "sha256" ? 64 : 128) && !existsSync(path(named)))
    return algorithm === "sha256" ? { sha256: sha256(known) ?? noDigest } : { sha256: noDigest, sha512: known };
  return readSubject(path(named));
}

/** For a file known by its SHA-512 alone: nobody has bytes with this SHA-256, so no document can match by it. */
const noDigest: Sha256 = "0".repeat(64) as Sha256;

/**
 * The asker holds the key itself, so the bundle's hint need not name it. A log entry is wanted where the trusted root names a log:
 * a root without one says that its owner keeps none.
 */
function withKey(trust: Trust, { signer }: Bundle, path: string): Trust {
  const pem = readDocument("the key", path, maxKeyBytes);
  const withoutLog = trust.sigstore.logs.length === 0;
  if ("hint" in signer) return { ...trust, keys: [plainKey(pem, path, { id: signer.hint, withoutLog })] };
  plainKey(pem, path, { id: "", withoutLog });
  throw new Refusal("downgraded", "it is signed with a certificate, and a key was expected");
}

export function whoIs(signer: Signer): string {
  switch (signer.kind) {
    case "key":
      return `the key ${signer.name}`;
    case "certificate":
      return `${signer.identity} (${signer.issuer})`;
    case "subject":
      return `${signer.subject} (${signer.authority})`;
    default:
      return unreachable(signer);
  }
}

function refuse({ terminal, json }: Request, refusal: Refusal): ExitCode {
  terminal.note(`refused: ${refusal.basis}: ${refusal.message}`, "bad");
  if (refusal.wanted !== "") terminal.note(`  wanted: ${refusal.wanted}`);
  if (json)
    terminal.out(jsonLine({ accepted: false, basis: refusal.basis, why: refusal.message, wanted: refusal.wanted }));
  return refusalReading(refusal).kind === "unchecked" ? exitCodes.unchecked : exitCodes.refuted;
}
