import type Database from "better-sqlite3";

type Statement = Database.Statement;

const kept = new WeakMap<Database.Database, Map<string, Statement>>();

/**
 * A statement that is compiled once for each open database: what is asked at every start of a program does not wait for SQLite's
 * parser. For texts that stand in the code, of which there are few; texts that are put together would fill the memory.
 */
export function prepared<P extends unknown[], R = unknown>(
  state: Database.Database,
  sql: string,
): Database.Statement<P, R> {
  const statements = kept.get(state) ?? new Map<string, Statement>();
  kept.set(state, statements);
  const statement = statements.get(sql) ?? state.prepare(sql);
  statements.set(sql, statement);
  return statement as Database.Statement<P, R>;
}
