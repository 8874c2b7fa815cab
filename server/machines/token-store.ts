import type { GrantLimits, Scope } from "./grant.ts";

/** A token as it is kept: its secret only as a digest. */
export interface MachineToken {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly limits: GrantLimits;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly usedAt?: number;
  readonly revokedAt?: number;
}

export interface TokenStore {
  addMachineToken(token: MachineToken, secretDigest: Uint8Array): void;
  /** Newest first, revoked and expired ones included until they are forgotten. */
  machineTokens(): readonly MachineToken[];
  machineToken(id: string): { readonly token: MachineToken; readonly secretDigest: Uint8Array } | undefined;
  machineTokenUsed(id: string, at: number): void;
  /** False where there is no such token, or it was revoked before. */
  revokeMachineToken(id: string, at: number): boolean;
}

/** More at a time are not made: the oldest must be revoked or expire first. */
export const maxMachineTokens = 1000;
/** How long a token that can no longer be used stays in the list. */
export const rememberTokenMs = 90 * 86_400_000;
