import { createHash, generateKeyPairSync } from "node:crypto";
import type { Role } from "@provost/shared/model/role.ts";
import type { Access, Person, ServerKey } from "../store.ts";
import type { Db } from "./open.ts";

const sessionIdLength = 16;

/** Secrets rest as SHA-256 only: whoever reads the database can use none of them. */
export function openAccess(db: Db): Access {
  const secretOf = (text: string): string => createHash("sha256").update(text).digest("hex");
  return {
    serverKey: () => serverKey(db),
    addToken(secret, expires) {
      db.prepare("DELETE FROM tokens WHERE expires < ?").run(expires - 7 * 86_400_000);
      db.prepare("INSERT INTO tokens (secret, expires) VALUES (?, ?)").run(secretOf(secret), expires);
    },
    // One statement: two devices with the same token cannot both be first.
    takeToken: (secret, device, now) =>
      db
        .prepare("UPDATE tokens SET used_by = ? WHERE secret = ? AND used_by IS NULL AND expires > ?")
        .run(device, secretOf(secret), now).changes === 1,
    tokenFault(secret, now) {
      const row = db
        .prepare<[string], { used_by: string | null; expires: number }>(
          "SELECT used_by, expires FROM tokens WHERE secret = ?",
        )
        .get(secretOf(secret));
      if (row === undefined) return "unknown";
      if (row.used_by !== null) return "used";
      return row.expires > now ? undefined : "expired";
    },
    tokenUser: (secret, now) =>
      db
        .prepare<[string, number], { used_by: string | null }>(
          "SELECT used_by FROM tokens WHERE secret = ? AND expires > ?",
        )
        .get(secretOf(secret), now)?.used_by ?? undefined,
    addSignIn(secret, expires, { user, role }) {
      db.prepare("DELETE FROM sign_ins WHERE expires < ?").run(expires - 86_400_000);
      db.prepare("INSERT INTO sign_ins (secret, expires, user, role) VALUES (?, ?, ?, ?)").run(
        secretOf(secret),
        expires,
        user,
        role,
      );
    },
    takeSignIn: (secret, now) =>
      db
        .prepare<[string, number], Person>("DELETE FROM sign_ins WHERE secret = ? AND expires > ? RETURNING user, role")
        .get(secretOf(secret), now),
    addSession(secret, session) {
      db.prepare("DELETE FROM sessions WHERE expires < ?").run(session.at);
      db.prepare("INSERT INTO sessions (secret, user, role, csrf, at, expires) VALUES (?, ?, ?, ?, ?, ?)").run(
        secretOf(secret),
        session.user,
        session.role,
        session.csrf,
        session.at,
        session.expires,
      );
    },
    session: (secret, now) =>
      db
        .prepare<[string, number], { user: string; role: Role; csrf: string; at: number; expires: number }>(
          "SELECT user, role, csrf, at, expires FROM sessions WHERE secret = ? AND expires > ?",
        )
        .get(secretOf(secret), now),
    endSession: (secret) => void db.prepare("DELETE FROM sessions WHERE secret = ?").run(secretOf(secret)),
    // The digest that is kept leads back to no secret; a part of it is name enough.
    sessions: (now) =>
      db
        .prepare<[number], { id: string; user: string; role: Role; at: number; expires: number }>(
          `SELECT substr(secret, 1, ${sessionIdLength}) AS id, user, role, at, expires FROM sessions WHERE expires > ? ORDER BY at, id`,
        )
        .all(now),
    endSessionOf: (id) =>
      id.length === sessionIdLength &&
      db.prepare(`DELETE FROM sessions WHERE substr(secret, 1, ${sessionIdLength}) = ?`).run(id).changes > 0,
  };
}

function serverKey(db: Db): ServerKey {
  const row = db.prepare<[], { value: string }>("SELECT value FROM meta WHERE key = 'server-key'").get();
  if (row !== undefined) return JSON.parse(row.value) as ServerKey;
  const pair = generateKeyPairSync("ed25519");
  const made: ServerKey = {
    publicKey: pair.publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    privateKey: pair.privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
  };
  db.prepare("INSERT INTO meta (key, value) VALUES ('server-key', ?)").run(JSON.stringify(made));
  return made;
}
