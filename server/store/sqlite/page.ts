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
export const cursorOf = (value: unknown, id: string): string =>
  Buffer.from(JSON.stringify([value, id])).toString("base64url");

export function readCursor(text: string | undefined): readonly [string | number, string] | undefined {
  if (text === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    if (!Array.isArray(parsed)) return undefined;
    const [value, id]: unknown[] = parsed;
    return (typeof value === "string" || typeof value === "number") && typeof id === "string" ? [value, id] : undefined;
  } catch {
    return undefined;
  }
}

export interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

export const where = (conditions: readonly Condition[]): Condition => ({
  sql: conditions.length === 0 ? "1" : conditions.map((condition) => `(${condition.sql})`).join(" AND "),
  values: conditions.flatMap((condition) => condition.values),
});

/** Rows strictly after the cursor in this order. */
export function afterCursor(order: Order, id: string, cursor: string | undefined): readonly Condition[] {
  const at = readCursor(cursor);
  if (at === undefined) return [];
  const [value, last] = at;
  const beyond = order.descending ? "<" : ">";
  return [{ sql: `${order.column} ${beyond} ? OR (${order.column} = ? AND ${id} > ?)`, values: [value, value, last] }];
}

export const oneOf = (column: string, values: readonly string[] | undefined): readonly Condition[] =>
  values === undefined || values.length === 0
    ? []
    : [{ sql: `${column} IN (${values.map(() => "?").join(", ")})`, values }];

/** Every word must occur somewhere in the columns. */
export const contains = (columns: readonly string[], text: string | undefined): readonly Condition[] =>
  (text ?? "")
    .split(/\s+/)
    .filter((word) => word !== "")
    .slice(0, 8)
    .map((word) => ({
      sql: columns.map((column) => `instr(lower(${column}), ?) > 0`).join(" OR "),
      values: columns.map(() => word.toLowerCase()),
    }));
