/** One page of a sorted list: rows after the cursor, by (sort column, id), so that rows that come or go move nothing. */
export interface Order {
  readonly column: string;
  readonly descending: boolean;
}

export function orderOf(sort: string, columns: Readonly<Record<string, string>>, fallback: string): Order {
  const descending = sort.startsWith("-");
  const column = columns[descending ? sort.slice(1) : sort];
  return column === undefined ? { column: fallback, descending: false } : { column, descending };
}

/** A cursor is the last row's sort value and id, opaque to the caller. Undefined for anything this server did not write. */
export const cursorOf = (value: unknown, id: string | number): string =>
  Buffer.from(JSON.stringify([value, id])).toString("base64url");

export function readCursor(text: string | undefined): readonly [string | number, string | number] | undefined {
  if (text === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    if (!Array.isArray(parsed) || parsed.length !== 2) return undefined;
    const [value, id]: unknown[] = parsed;
    return isPlain(value) && isPlain(id) ? [value, id] : undefined;
  } catch {
    return undefined;
  }
}

const isPlain = (value: unknown): value is string | number => typeof value === "string" || typeof value === "number";

export interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

export const where = (conditions: readonly Condition[]): Condition => ({
  sql: conditions.length === 0 ? "1" : conditions.map((condition) => `(${condition.sql})`).join(" AND "),
  values: conditions.flatMap((condition) => condition.values),
});

/** Rows strictly after the cursor in this order. Compared as one pair, so that an index finds the place. */
export function afterCursor(order: Order, id: string, cursor: string | undefined): readonly Condition[] {
  const at = readCursor(cursor);
  if (at === undefined) return [];
  return [{ sql: `(${order.column}, ${id}) ${order.descending ? "<" : ">"} (?, ?)`, values: at }];
}

/** Both in one direction: an index read backwards gives exactly this order. */
export const orderBy = ({ column, descending }: Order, id: string): string =>
  descending ? `${column} DESC, ${id} DESC` : `${column}, ${id}`;

export const oneOf = (column: string, values: readonly string[] | undefined): readonly Condition[] =>
  values === undefined || values.length === 0
    ? []
    : [{ sql: `${column} IN (${values.map(() => "?").join(", ")})`, values }];

/** Every word must occur somewhere in the columns, or begin the digest. No letter of a word is a pattern. */
export const contains = (columns: readonly string[], text: string | undefined, digest?: string): readonly Condition[] =>
  wordsOf(text).map((word) => {
    const begins = digest === undefined || !/^[0-9a-f]{6,64}$/.test(word) ? [] : [digest];
    return {
      sql: [
        ...columns.map((column) => `${column} LIKE ? ESCAPE '\\'`),
        ...begins.map((column) => `(${column} >= ? AND ${column} < ?)`),
      ].join(" OR "),
      values: [...columns.map(() => `%${plain(word)}%`), ...begins.flatMap(() => [word, `${word}g`])],
    };
  });

const wordsOf = (text = ""): readonly string[] => [
  ...new Set(
    text
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "")
      .slice(0, 8),
  ),
];

/** LIKE compares ASCII letters whatever their case, and by bytes: several times faster here than lower() and instr(). */
export const plain = (word: string): string => word.replace(/[\\%_]/g, "\\$&");

/** One row more than asked for was read: whether there is a next page. */
export function pageOf<Stored, Shown>(
  rows: readonly Stored[],
  limit: number,
  total: number,
  show: (row: Stored) => Shown,
  cursor: (row: Stored) => string,
): { rows: Shown[]; next?: string; total: number } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { rows: shown.map(show), total, ...(rows.length > limit && last !== undefined ? { next: cursor(last) } : {}) };
}
