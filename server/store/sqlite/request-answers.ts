import type { Database as Db } from "better-sqlite3";
import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import type { AskedFor, GateStore, RequestAnswer } from "../../gate/gate-store.ts";

export const answerMigrations: readonly string[] = [
  `CREATE TABLE request_answers (
     request INTEGER PRIMARY KEY, approved INTEGER NOT NULL, by TEXT NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL, scope TEXT NOT NULL,
     commands TEXT NOT NULL
   ) STRICT;
   CREATE TRIGGER request_answers_go AFTER DELETE ON requests BEGIN
     DELETE FROM request_answers WHERE request = old.n;
   END;
   CREATE INDEX commands_by_digest ON commands (json_extract(body, '$.order.sha256'));`,
];

/** A request that ran by an exception, or that a person answered, waits no longer. */
export const waits = "requests.allowed_at IS NULL AND requests.n NOT IN (SELECT request FROM request_answers)";

export function openAnswers(db: Db): Pick<GateStore, "request" | "answer"> {
  const one = db.prepare<[number], { device: DeviceId; code: string; sha256: Sha256; path: string; answered: number }>(
    `SELECT device, code, sha256, root || path AS path, n IN (SELECT request FROM request_answers) AS answered
     FROM requests WHERE n = ?`,
  );
  const put = db.prepare(
    `INSERT INTO request_answers (request, approved, by, at, reason, scope, commands) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  return {
    request(id) {
      const row = one.get(numberOf(id));
      if (row === undefined) return undefined;
      const { answered, ...asked } = row;
      return { ...asked, answered: answered === 1 } satisfies AskedFor;
    },
    answer(id, { approved, by, at, reason, scope, commands }: RequestAnswer) {
      put.run(numberOf(id), approved ? 1 : 0, by, at, reason, scope, JSON.stringify(commands));
    },
  };
}

const numberOf = (id: string): number => Number(/^req_(\d{1,15})$/.exec(id)?.[1] ?? 0);
