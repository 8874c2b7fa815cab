import type { Database as Db, Statement } from "better-sqlite3";

export type Value = string | number;

/** Statements by their text: lists have as many shapes as filters, and each is prepared once while it is in use. */
export interface Ask {
  all<Row>(sql: string, ...values: readonly Value[]): Row[];
  one<Row>(sql: string, ...values: readonly Value[]): Row | undefined;
  number(sql: string, ...values: readonly Value[]): number;
}

const heldStatements = 200;

export function openAsk(db: Db): Ask {
  const held = new Map<string, Statement>();
  const statement = (sql: string): Statement => {
    const known = held.get(sql);
    if (known !== undefined) return known;
    const oldest = held.keys().next().value;
    if (held.size >= heldStatements && oldest !== undefined) held.delete(oldest);
    const made = db.prepare(sql);
    held.set(sql, made);
    return made;
  };
  return {
    all: <Row>(sql: string, ...values: readonly Value[]) => statement(sql).all(...values) as Row[],
    one: <Row>(sql: string, ...values: readonly Value[]) => statement(sql).get(...values) as Row | undefined,
    number: (sql, ...values) => (statement(sql).get(...values) as { n: number | null } | undefined)?.n ?? 0,
  };
}
