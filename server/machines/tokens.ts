import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Grant, GrantLimits, Scope } from "./grant.ts";
import { maxMachineTokens, type MachineToken, type TokenStore } from "./token-store.ts";

export interface TokenWish {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly limits: GrantLimits;
  readonly expiresAt: number;
}

/** "pvt_", an id of 16 characters by which it is found, "_", and a secret of 43 that is shown this once. */
export function newMachineToken(
  store: TokenStore,
  wish: TokenWish,
  now: number,
): { readonly token: MachineToken; readonly secret: string } {
  const usable = store.machineTokens().filter(({ revokedAt, expiresAt }) => revokedAt === undefined && expiresAt > now);
  if (usable.length >= maxMachineTokens)
    throw new AppError("LIMIT", `there are ${maxMachineTokens} usable tokens already; revoke some`);
  const id = randomBytes(8).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  const token: MachineToken = { id, ...wish, createdAt: now };
  store.addMachineToken(token, digestOf(secret));
  return { token, secret: `pvt_${id}_${secret}` };
}

export const isMachineToken = (text: string): boolean => text.startsWith("pvt_");

/** The grant of a token, or why it is refused. What is wrong with a secret is not said. */
export function grantOfToken(store: TokenStore, text: string, now: number): Grant | string {
  const [, id = "", secret = ""] = /^pvt_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/.exec(text) ?? [];
  const known = store.machineToken(id);
  // An unknown id is compared like a known one, so that the time it takes tells nothing.
  const equal = timingSafeEqual(digestOf(secret), known?.secretDigest ?? nobody);
  if (known === undefined || !equal) return "the token is not known";
  const { token } = known;
  if (token.revokedAt !== undefined) return `the token ${token.name} was revoked`;
  if (token.expiresAt <= now) return `the token ${token.name} has expired`;
  if (now - (token.usedAt ?? 0) > usedStepMs) store.machineTokenUsed(token.id, now);
  return { id: `token:${token.id}`, who: `token ${token.name}`, scopes: token.scopes, limits: token.limits };
}

/** When it was last used is kept by the minute: a write for every request would be the larger part of a small one. */
const usedStepMs = 60_000;
const digestOf = (secret: string): Buffer => hash("sha256", secret, "buffer");
const nobody = Buffer.alloc(32);
