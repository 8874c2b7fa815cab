/** A query of the API after its schema read it. */
export type Asked = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

interface Paged<R> {
  readonly rows: readonly R[];
  readonly total: number;
  readonly next?: string;
}

/** Filters, sorts and cuts rows the way the API's queries say. */
export function pageOf<R extends object>(rows: readonly R[], query: Asked): Paged<R> {
  const sorted = sortedRows(rows, query);
  const start = Number(query["cursor"] ?? 0);
  const end = start + Number(query["limit"]);
  const page = { rows: sorted.slice(start, end), total: sorted.length };
  return end < sorted.length ? { ...page, next: String(end) } : page;
}

/** The last answer is kept: walking a list of a hundred thousand asks for the same order five hundred times. */
function sortedRows<R extends object>(rows: readonly R[], query: Asked): readonly R[] {
  const name = JSON.stringify({ ...query, cursor: undefined });
  if (last?.of === rows && last.name === name) return last.rows as readonly R[];
  const wanted = rows.filter((row) => matches(row as Record<string, unknown>, query));
  const sorted = wanted.toSorted(inOrder(String(query["sort"] ?? "")));
  last = { of: rows, name, rows: sorted };
  return sorted;
}

let last: { readonly of: unknown; readonly name: string; readonly rows: readonly object[] } | undefined;

function matches(row: Record<string, unknown>, query: Asked): boolean {
  return Object.entries(query).every(([name, value]) => {
    if (value === undefined || name === "cursor" || name === "limit" || name === "sort") return true;
    if (name === "q")
      return `${String(row["path"])}${String(row["name"])}${String(row["digest"])}`.includes(String(value));
    if (name === "waiting") return (row["allowedAt"] === undefined && row["answer"] === undefined) === value;
    if (name === "from") return Number(row["at"]) >= Number(value);
    if (name === "to") return Number(row["at"]) <= Number(value);
    if (name === "running") return Number(row["running"]) > 0 === value;
    if (typeof value === "object") return value.includes(String(row[name]));
    return name in row ? row[name] === value : name === "device";
  });
}

const standingRank: Readonly<Record<string, number>> = { proven: 0, signed: 1, unchecked: 2, unproven: 3, refuted: 4 };

function inOrder(sort: string): (a: object, b: object) => number {
  const falling = sort.startsWith("-");
  const field = falling ? sort.slice(1) : sort;
  return (a, b) => {
    const [x, y] = [rank(a, field), rank(b, field)];
    const order = x < y ? -1 : x > y ? 1 : 0;
    return falling ? -order : order;
  };
}

function rank(row: object, field: string): string | number {
  const value = (row as Record<string, unknown>)[field];
  if (field === "standing") return standingRank[String(value)] ?? 0;
  if (field === "executables") return (value as { readonly total: number }).total;
  return typeof value === "number" ? value : String(value);
}
