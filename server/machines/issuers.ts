import { createLocalJWKSet, decodeJwt, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";
import * as z from "zod";
import { boundedJson } from "@provost/shared/lib/bounded-json.ts";
import { safeText } from "@provost/shared/lib/path-text.ts";
import { matches, namePattern } from "@provost/shared/provenance/name-rule.ts";
import type { Fetch } from "../trust/fetch.ts";
import type { Grant, GrantLimits, NameLimit, Scope } from "./grant.ts";

/** Whose identity tokens the owner accepts from a CI, and for what. */
export interface IssuerRule {
  readonly name: string;
  /** Compared letter by letter with the token's `iss`. */
  readonly issuer: string;
  readonly audience: string;
  /** Every one of these claims has to be there as a text that the rule matches. At least one. */
  readonly claims: Readonly<Record<string, NameLimit>>;
  readonly scopes: readonly Scope[];
  readonly limits: GrantLimits;
  /** Where the keys are, for an issuer without a discovery document. */
  readonly jwks?: string;
  /** The owner says that this issuer is inside his own network. */
  readonly privateNetwork: boolean;
}

export interface Issuers {
  /** The grant of an identity token, or why it is refused. */
  grant(token: string, now: number): Promise<Grant | string>;
}

export interface IssuerParts {
  readonly fetch: Fetch;
  /** For issuers that the owner marked as inside his network. */
  readonly privateFetch: Fetch;
}

/** Signatures by a key pair only: with a shared secret or none, whoever reads the public keys could sign. */
const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
export const maxIdentityToken = 16 * 1024;
const maxKeysBytes = 512 * 1024;
const cachedMs = 10 * 60_000;
/** A key that is not among the cached ones may be new: asked again, but not more often than this. */
const rotatedMs = 60_000;
/** An issuer that could not be asked is not asked again for every token that names it. */
const failedMs = 30_000;
const clockToleranceSeconds = 60;
/** An identity token is for one job; one that claims to be good for longer is not taken as such. */
const maxLifetimeSeconds = 24 * 3600;

export function openIssuers(rules: readonly IssuerRule[], parts: IssuerParts): Issuers {
  const held = new Map<string, { keys: JWTVerifyGetKey; at: number }>();
  const failed = new Map<string, { why: KeysUnreachable; at: number }>();
  const fetching = new Map<string, Promise<JWTVerifyGetKey>>();

  const keysOf = async (rule: IssuerRule, now: number, olderThan: number): Promise<JWTVerifyGetKey> => {
    const name = `${rule.issuer} ${rule.jwks ?? ""}`;
    const known = held.get(name);
    if (known !== undefined && now - known.at < olderThan) return known.keys;
    const fault = failed.get(name);
    if (fault !== undefined && now - fault.at < failedMs) throw fault.why;
    // Many jobs start at once: they share one question.
    const asked = fetching.get(name) ?? fetchKeys(rule, parts).finally(() => fetching.delete(name));
    fetching.set(name, asked);
    try {
      const keys = await asked;
      held.set(name, { keys, at: now });
      failed.delete(name);
      return keys;
    } catch (cause) {
      if (cause instanceof KeysUnreachable) failed.set(name, { why: cause, at: now });
      throw cause;
    }
  };

  const verified = async (rule: IssuerRule, token: string, now: number): Promise<JWTPayload | string> => {
    for (const olderThan of [cachedMs, rotatedMs])
      try {
        const { issuer, audience } = rule;
        const options = {
          issuer,
          audience,
          algorithms,
          clockTolerance: clockToleranceSeconds,
          currentDate: new Date(now),
          requiredClaims: ["exp", "iat"],
          maxTokenAge: maxLifetimeSeconds,
        };
        const { payload } = await jwtVerify(token, await keysOf(rule, now, olderThan), options);
        return payload;
      } catch (cause) {
        const rotated = cause instanceof errors.JWKSNoMatchingKey && olderThan === cachedMs;
        if (!rotated) return reasonOf(cause);
      }
    return "no key of the issuer carries its signature";
  };

  return {
    async grant(token, now) {
      if (token.length > maxIdentityToken) return `an identity token has at most ${maxIdentityToken} characters`;
      const issuer = issuerOf(token);
      const own = rules.filter((rule) => rule.issuer === issuer);
      let why = "its issuer is none that the owner named";
      for (const rule of own) {
        const payload = await verified(rule, token, now);
        if (typeof payload === "string") why = payload;
        else {
          const missing = claimThatFails(rule, payload);
          if (missing === undefined) return grantFor(rule, payload);
          why = `its claim ${missing} is not what the owner's rule ${rule.name} asks for`;
        }
      }
      return why;
    },
  };
}

/** Only to find the rules; nothing is believed before the signature holds. */
function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

function claimThatFails({ claims }: IssuerRule, payload: JWTPayload): string | undefined {
  for (const [name, rule] of Object.entries(claims)) {
    const value = Object.hasOwn(payload, name) ? payload[name] : undefined;
    if (typeof value !== "string" || !matches(namePattern(rule), value)) return name;
  }
  return undefined;
}

function grantFor(rule: IssuerRule, { sub = "" }: JWTPayload): Grant {
  const who = `${rule.name} ${safeText(sub).slice(0, 300)}`;
  return { id: `ci:${rule.name}:${sub.slice(0, 300)}`, who, scopes: rule.scopes, limits: rule.limits };
}

/** What the library says of a token, without what the token says of itself. */
function reasonOf(cause: unknown): string {
  if (cause instanceof errors.JWTExpired) return "the identity token has expired";
  if (cause instanceof errors.JWTClaimValidationFailed)
    return cause.claim === "aud"
      ? "the identity token is for another audience"
      : `its claim ${cause.claim} does not hold`;
  if (cause instanceof errors.JOSEAlgNotAllowed) return "the identity token is signed by a method that is not accepted";
  if (cause instanceof errors.JWKSNoMatchingKey) return "no key of the issuer carries its signature";
  if (cause instanceof errors.JWSSignatureVerificationFailed) return "the identity token's signature does not hold";
  if (cause instanceof KeysUnreachable) return cause.message;
  return "the identity token is malformed";
}

class KeysUnreachable extends Error {
  override readonly name = "KeysUnreachable";
}

async function fetchKeys(rule: IssuerRule, parts: IssuerParts): Promise<JWTVerifyGetKey> {
  const fetch = rule.privateNetwork ? parts.privateFetch : parts.fetch;
  const address = rule.jwks ?? (await discovered(rule, fetch));
  const set = Keys.safeParse(await fetchJson(fetch, address));
  if (!set.success) throw new KeysUnreachable(`the issuer's keys at ${address} are malformed`);
  return createLocalJWKSet({ keys: set.data.keys });
}

/** OpenID Connect Discovery 1.0, 4: the document below the issuer names that very issuer. */
async function discovered(rule: IssuerRule, fetch: Fetch): Promise<string> {
  const found = Discovery.safeParse(
    await fetchJson(fetch, `${rule.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`),
  );
  if (!found.success) throw new KeysUnreachable("the issuer's discovery document is malformed");
  if (found.data.issuer !== rule.issuer)
    throw new KeysUnreachable("the issuer's discovery document names another issuer");
  if (!rule.privateNetwork && !found.data.jwks_uri.startsWith("https:"))
    throw new KeysUnreachable("the issuer's keys are not offered over https");
  return found.data.jwks_uri;
}

async function fetchJson(fetch: Fetch, address: string): Promise<unknown> {
  const url = URL.parse(address);
  if (url === null) throw new KeysUnreachable("the issuer's address is no URL");
  let pieces: Buffer[] = [];
  const delivery = await fetch.get({
    url,
    maxBytes: maxKeysBytes,
    signal: AbortSignal.timeout(20_000),
    open: () => {
      pieces = [];
      return (chunk) => void pieces.push(chunk);
    },
  });
  if (delivery.kind !== "delivered")
    throw new KeysUnreachable(
      `the issuer's keys could not be fetched: ${delivery.kind === "unchanged" ? "nothing was sent" : delivery.says}`,
    );
  const json = boundedJson(Buffer.concat(pieces), 16);
  if (json.kind === "refused") throw new KeysUnreachable(`the issuer answered with ${json.why}`);
  return json.value;
}

const Discovery = z.object({ issuer: z.string().max(2000), jwks_uri: z.string().max(2000) });
const Keys = z.object({ keys: z.array(z.looseObject({ kty: z.string().max(20) })).max(100) });
