import { AppError } from "@provost/shared/lib/app-error.ts";
import { asRefusal } from "@provost/shared/provenance/refusal.ts";
import { readSigningConfig, type SigningServices } from "@provost/shared/provenance/sigstore/signing-config.ts";
import { readJson } from "../provenance/read-json.ts";
import { requireSafe } from "./ask.ts";
import type { Witnesses } from "./witness.ts";

/** A signing configuration, and single addresses that take the place of what it says. */
export interface NamedServices {
  readonly signingConfig?: string;
  readonly fulcioUrl?: string;
  readonly rekorUrl?: string;
  readonly tsaUrl?: string;
}

/** The public-good instance, as its signing configuration names it: Rekor v1, whose promise of inclusion tells the time. */
const publicGood: SigningServices = {
  authority: { url: "https://fulcio.sigstore.dev", version: 1 },
  logs: [{ url: "https://rekor.sigstore.dev", version: 1 }],
  timestampAuthorities: [],
};

/** Where to sign keyless. */
export function servicesFor(named: NamedServices, now: number): Witnesses & { readonly authority: string } {
  const { authority, ...witnesses } = replaced(named, configured(named.signingConfig, now) ?? publicGood);
  if (authority !== undefined) return { authority: authority.url, ...witnesses };
  throw new AppError("CONFIG_INVALID", "the signing configuration names no certificate authority in use", {
    remedy: "give another one with --signing-config, or the address with --fulcio-url",
  });
}

/** With a key nothing is recorded anywhere unless it is asked for: a log's entry is public. */
export function witnessesFor(named: NamedServices, now: number): Witnesses {
  const none = { authority: undefined, logs: [], timestampAuthorities: [] };
  const { logs, timestampAuthorities } = replaced(named, configured(named.signingConfig, now) ?? none);
  return { logs, timestampAuthorities };
}

function configured(path: string | undefined, now: number): SigningServices | undefined {
  if (path === undefined) return undefined;
  const document = readJson("the signing configuration", path);
  try {
    return readSigningConfig(document, now);
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", `${path}: ${asRefusal(cause).message}`, {
      remedy: "give a signing_config.v0.2.json as the sigstore protobuf-specs describe it",
    });
  }
}

function replaced({ fulcioUrl, rekorUrl, tsaUrl }: NamedServices, services: SigningServices): SigningServices {
  const one = (option: string, what: string, url: string) => {
    if (!URL.canParse(url))
      throw new AppError("CONFIG_INVALID", `${option}: wanted an address, got ${url.slice(0, 200)}`);
    requireSafe(what, new URL(url));
    return { url: url.replace(/\/$/, ""), version: 1 };
  };
  return {
    authority:
      fulcioUrl === undefined ? services.authority : one("--fulcio-url", "the certificate authority", fulcioUrl),
    logs: rekorUrl === undefined ? services.logs : [one("--rekor-url", "the transparency log", rekorUrl)],
    timestampAuthorities:
      tsaUrl === undefined ? services.timestampAuthorities : [one("--tsa-url", "the timestamp authority", tsaUrl)],
  };
}
