import type { FileFacts } from "@provost/shared/model/inventory.ts";
import type { Parsed, Read } from "../store.ts";
import type { Ask } from "./ask.ts";
import { afterCursor, contains, cursorOf, oneOf, orderBy, orderOf, pageOf, where } from "./page.ts";
import type { Condition, Order } from "./page.ts";
import { executableRows } from "./read-overview.ts";
import { processesMapping } from "./read-processes.ts";
import { executableRow } from "./rows.ts";
import type { FileRow, StoredHistory } from "./rows.ts";

const columns = { path: "path", changedAt: "changed_at", running: "running", size: "size", standing: "rank" };

export function readExecutables(ask: Ask): Pick<Read, "executables" | "executable"> {
  return {
    executables(query) {
      const order = orderOf(query.sort, columns, "rank");
      // "-standing" is worst first: the lowest rank.
      const sorted = order.column === "rank" ? { ...order, descending: !order.descending } : order;
      const counted = countedFilter(query);
      const searched = searchedFilter(query);
      const { total, among, order: placed } = lookFor(ask, counted, searched, sorted, query.limit);
      const paged = where([...among, ...afterCursor(sorted, "n", query.cursor)]);
      // CROSS JOIN: the page first, then its rows; SQLite would rather walk all files and look each up in the page.
      const rows = ask.all<FileRow>(
        `SELECT files.*, devices.name AS device_name
         FROM (SELECT n FROM files WHERE ${paged.sql} ORDER BY ${placed} LIMIT ?) AS page
         CROSS JOIN files ON files.n = page.n CROSS JOIN devices ON devices.id = files.device
         ORDER BY ${orderBy({ ...sorted, column: `files.${sorted.column}` }, "files.n")}`,
        ...paged.values,
        query.limit + 1,
      );
      return pageOf(rows, query.limit, total, executableRow, (last) =>
        cursorOf(last[sorted.column as keyof FileRow], last.n),
      );
    },
    executable(id) {
      const row = ask.one<FileRow & { facts: string }>(
        `SELECT files.*, file_facts.facts, devices.name AS device_name FROM files JOIN devices ON devices.id = files.device
         JOIN file_facts ON file_facts.n = files.n WHERE files.id = ?`,
        id,
      );
      if (row === undefined) return undefined;
      const elsewhere =
        row.digest === null
          ? []
          : executableRows(
              ask,
              "WHERE digest = ? AND files.id <> ? ORDER BY devices.name, path LIMIT 100",
              row.digest,
              id,
            ).map(({ id: other, device, deviceName, path, root, standing, basis }) => ({
              id: other,
              device,
              deviceName,
              path,
              root,
              standing,
              basis,
            }));
      return {
        row: executableRow(row),
        facts: JSON.parse(row.facts) as FileFacts,
        trustVersion: row.trust_version,
        judgedAt: row.judged_at,
        rest: {
          processes: processesMapping(ask, row.device, id, 200).map(({ pid, parent, started_at, user, command }) => ({
            pid,
            parent,
            startedAt: started_at,
            user,
            command,
          })),
          elsewhere,
          history: ask
            .all<StoredHistory>("SELECT * FROM history WHERE file = ? ORDER BY to_at DESC LIMIT 100", id)
            .map((past) => ({
              ...(past.digest === null ? {} : { digest: past.digest }),
              standing: past.standing,
              basis: past.basis,
              from: past.from_at,
              to: past.to_at,
            })),
        },
      };
    },
  };
}

/** What the counters know without looking at a single file. */
const countedFilter = (query: Parsed<"executables">): readonly Condition[] => [
  ...oneOf("device", query.device === undefined ? undefined : [query.device]),
  ...oneOf("standing", query.standing),
  ...oneOf("basis", query.basis),
  ...oneOf("kind", query.kind),
  ...(query.running === undefined ? [] : [{ sql: query.running ? "running > 0" : "running = 0", values: [] }]),
];

const searchedFilter = (query: Parsed<"executables">): readonly Condition[] => [
  ...(query.digest === undefined ? [] : [{ sql: "digest = ?", values: [query.digest] }]),
  ...(query.package === undefined
    ? []
    : [{ sql: "id IN (SELECT file FROM owners WHERE purl = ?)", values: [query.package] }]),
  ...contains(["path", "package", "root"], query.q, "digest"),
];

/** Hits that are worth sorting by hand. */
const fewPages = 20;

/**
 * Few hits are found by looking at all files once and sorting the hits; many by walking the list in its order until a page is
 * full. A unary plus keeps SQLite from walking an index for the former.
 */
function lookFor(
  ask: Ask,
  counted: readonly Condition[],
  searched: readonly Condition[],
  order: Order,
  limit: number,
): { readonly total: number; readonly among: readonly Condition[]; readonly order: string } {
  const among = [...counted, ...searched];
  const filter = where(among);
  if (searched.length === 0)
    return {
      total: ask.number(`SELECT sum(n) AS n FROM file_counts WHERE ${filter.sql}`, ...filter.values),
      among,
      order: orderBy(order, "n"),
    };
  const few = fewPages * limit;
  const hits = ask.all<{ n: number }>(`SELECT n FROM files WHERE ${filter.sql} LIMIT ?`, ...filter.values, few + 1);
  if (hits.length > few)
    return {
      total: ask.number(`SELECT count(*) AS n FROM files WHERE ${filter.sql}`, ...filter.values),
      among,
      order: orderBy(order, "n"),
    };
  return {
    total: hits.length,
    among: [{ sql: "n IN (SELECT value FROM json_each(?))", values: [JSON.stringify(hits.map(({ n }) => n))] }],
    order: orderBy({ ...order, column: `+${order.column}` }, "+n"),
  };
}
