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
      const paged = where([...counted, ...searched, ...afterCursor(sorted, "id", query.cursor)]);
      const total = totalOf(ask, counted, searched);
      const ids = ask.all<{ id: string }>(
        `SELECT id FROM files WHERE ${paged.sql} ORDER BY ${placed(sorted, searched, total, query.limit)} LIMIT ?`,
        ...paged.values,
        query.limit + 1,
      );
      const row = (id: string): FileRow[] =>
        ask.all<FileRow>(
          "SELECT files.*, devices.name AS device_name FROM files JOIN devices ON devices.id = files.device WHERE files.id = ?",
          id,
        );
      return pageOf(
        ids.flatMap(({ id }) => row(id)),
        query.limit,
        total,
        executableRow,
        (last) => cursorOf(last[sorted.column as keyof FileRow], last.id),
      );
    },
    executable(id) {
      const row = ask.one<FileRow & { facts: string }>(
        `SELECT files.*, file_facts.facts, devices.name AS device_name FROM files JOIN devices ON devices.id = files.device
         JOIN file_facts ON file_facts.file = files.id WHERE files.id = ?`,
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
  ...(query.running === undefined ? [] : [{ sql: query.running ? "running > 0" : "running = 0", values: [] }]),
];

const searchedFilter = (query: Parsed<"executables">): readonly Condition[] => [
  ...(query.digest === undefined ? [] : [{ sql: "digest = ?", values: [query.digest] }]),
  ...(query.package === undefined
    ? []
    : [{ sql: "id IN (SELECT file FROM owners WHERE purl = ?)", values: [query.package] }]),
  ...oneOf("kind", query.kind),
  ...contains(["path", "package", "digest", "root"], query.q),
];

function totalOf(ask: Ask, counted: readonly Condition[], searched: readonly Condition[]): number {
  const filter = where([...counted, ...searched]);
  return searched.length === 0
    ? ask.number(`SELECT sum(n) AS n FROM file_counts WHERE ${filter.sql}`, ...filter.values)
    : ask.number(`SELECT count(*) AS n FROM files WHERE ${filter.sql}`, ...filter.values);
}

/**
 * Few hits are found by looking at all files and sorting the hits; many by walking the list in order until a page is full. A
 * unary plus keeps SQLite from walking an index for the former.
 */
function placed(order: Order, searched: readonly Condition[], total: number, limit: number): string {
  const few = searched.length > 0 && total < 20 * limit;
  return orderBy(few ? { ...order, column: `+${order.column}` } : order, few ? "+id" : "id");
}
