import type { GrantLimits, Scope } from "../../machines/grant.ts";
import { rememberTokenMs, type MachineToken, type TokenStore } from "../../machines/token-store.ts";
import type { Database } from "better-sqlite3";

export const machineTokenMigrations: readonly string[] = [
  `CREATE TABLE machine_tokens (
     id TEXT PRIMARY KEY, secret BLOB NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL, limits TEXT NOT NULL,
     created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER, revoked_at INTEGER
   ) WITHOUT ROWID, STRICT;`,
];

interface Row {
  readonly id: string;
  readonly secret: Buffer;
  readonly name: string;
  readonly scopes: string;
  readonly limits: string;
  readonly created_at: number;
  readonly expires_at: number;
  readonly used_at: number | null;
  readonly revoked_at: number | null;
}

/** A token at rest is the SHA-256 of its secret: whoever reads the database can use none of them. */
export function openMachineTokens(db: Database): TokenStore {
  const find = db.prepare<[string], Row>("SELECT * FROM machine_tokens WHERE id = ?");
  return {
    addMachineToken(token, secretDigest) {
      const { id, name, scopes, limits, createdAt, expiresAt } = token;
      const forget = createdAt - rememberTokenMs;
      db.prepare("DELETE FROM machine_tokens WHERE expires_at < ? OR revoked_at < ?").run(forget, forget);
      db.prepare(
        "INSERT INTO machine_tokens (id, secret, name, scopes, limits, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ).run(id, secretDigest, name, JSON.stringify(scopes), JSON.stringify(limits), createdAt, expiresAt);
    },
    machineTokens: () =>
      db.prepare<[], Row>("SELECT * FROM machine_tokens ORDER BY created_at DESC, id").all().map(tokenOf),
    machineToken(id) {
      const row = find.get(id);
      return row === undefined ? undefined : { token: tokenOf(row), secretDigest: row.secret };
    },
    machineTokenUsed: (id, at) => void db.prepare("UPDATE machine_tokens SET used_at = ? WHERE id = ?").run(at, id),
    revokeMachineToken: (id, at) =>
      db.prepare("UPDATE machine_tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL").run(at, id).changes ===
      1,
  };
}

const tokenOf = (row: Row): MachineToken => ({
  id: row.id,
  name: row.name,
  scopes: JSON.parse(row.scopes) as Scope[],
  limits: JSON.parse(row.limits) as GrantLimits,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  ...(row.used_at === null ? {} : { usedAt: row.used_at }),
  ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
});
