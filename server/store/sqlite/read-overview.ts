import type { Read } from "../store.ts";
import type { Ask, Value } from "./ask.ts";
import { countsOf, devicesSql, executableRow, leftInOrder, scanOf } from "./rows.ts";
import type { Counts, ExecutableRow, FileRow, StoredDevice } from "./rows.ts";

/** As long as a finding takes. */
const silentAfterMs = 30_000;

export function readOverview(ask: Ask): Pick<Read, "overview"> {
  return {
    overview(online, now) {
      const devices = ask.all<StoredDevice>(`SELECT * FROM ${devicesSql} ORDER BY name, id`);
      return {
        devices: {
          total: devices.length,
          online: devices.filter((row) => online.has(row.id)).length,
          silent: devices.filter(
            (row) => !online.has(row.id) && !leftInOrder(row) && now - row.last_seen > silentAfterMs,
          ).length,
        },
        packages: {
          total: ask.number("SELECT count(DISTINCT purl) AS n FROM installs"),
          byEcosystem: Object.fromEntries(
            ask
              .all<{ ecosystem: string; n: number }>(
                "SELECT ecosystem, count(DISTINCT purl) AS n FROM installs GROUP BY ecosystem",
              )
              .map((row) => [row.ecosystem, row.n]),
          ),
        },
        executables: fileCounts(ask, "1"),
        running: fileCounts(ask, "running = 1"),
        scans: devices.map((row) => ({ device: row.id, deviceName: row.name, scan: scanOf(row) })),
        refuted: executableRows(ask, "WHERE rank = 0 ORDER BY changed_at DESC LIMIT 20"),
        newUnproven: executableRows(ask, "WHERE rank = 1 AND running > 0 ORDER BY files.first_seen DESC LIMIT 20"),
        now,
      };
    },
  };
}

/** From the counters that the database keeps with every change of a file. */
export const fileCounts = (ask: Ask, condition: string, ...values: readonly Value[]): Counts =>
  countsOf(
    ask.all(
      `SELECT standing, basis, sum(n) AS n FROM file_counts WHERE n > 0 AND (${condition}) GROUP BY standing, basis`,
      ...values,
    ),
  );

export const executableRows = (ask: Ask, sql: string, ...values: readonly Value[]): ExecutableRow[] =>
  ask
    .all<FileRow>(
      `SELECT files.*, devices.name AS device_name FROM files JOIN devices ON devices.id = files.device ${sql}`,
      ...values,
    )
    .map(executableRow);
