import type { ScanFrame } from "@provost/shared/protocol/frames.ts";
import type { Read } from "../store.ts";
import type { Ask } from "./ask.ts";
import { afterCursor, contains, cursorOf, orderBy, orderOf, pageOf, where } from "./page.ts";
import { readProcesses } from "./read-processes.ts";
import { fileCounts } from "./read-overview.ts";
import { devicesSql, leftInOrder, scanOf } from "./rows.ts";
import type { DeviceFrame, DeviceRow, HealthFrame, StoredDevice } from "./rows.ts";

export function readDevices(ask: Ask): Pick<Read, "devices" | "device" | "processes"> {
  const deviceRow = (row: StoredDevice, online: ReadonlySet<string>): DeviceRow => {
    const frame = row.frame === null ? undefined : (JSON.parse(row.frame) as DeviceFrame);
    return {
      id: row.id,
      name: row.name,
      os: frame?.os ?? "unknown",
      kernel: frame?.kernel ?? "unknown",
      arch: frame?.arch ?? "unknown",
      mode: frame?.mode ?? "record",
      tier: frame?.tier ?? "P",
      online: online.has(row.id),
      stopped: !online.has(row.id) && leftInOrder(row),
      lastSeen: row.last_seen,
      enrolledAt: row.enrolled_at,
      packages: ask.number("SELECT count(*) AS n FROM installs WHERE device = ?", row.id),
      executables: fileCounts(ask, "device = ?", row.id),
      running: fileCounts(ask, "device = ? AND running = 1", row.id),
      scan: scanOf(row),
    };
  };

  return {
    devices(query, online) {
      const order = orderOf(query.sort, { name: "name", lastSeen: "last_seen" }, "name");
      const filter = contains(["name", "id"], query.q);
      const paged = where([...filter, ...afterCursor(order, "id", query.cursor)]);
      const rows = ask.all<StoredDevice>(
        `SELECT * FROM ${devicesSql} WHERE ${paged.sql} ORDER BY ${orderBy(order, "id")} LIMIT ?`,
        ...paged.values,
        query.limit + 1,
      );
      const total = ask.number(`SELECT count(*) AS n FROM devices WHERE ${where(filter).sql}`, ...where(filter).values);
      return pageOf(
        rows,
        query.limit,
        total,
        (row) => deviceRow(row, online),
        (row) => cursorOf(order.column === "name" ? row.name : row.last_seen, row.id),
      );
    },
    device(id, online) {
      const row = ask.one<StoredDevice>(`SELECT * FROM ${devicesSql} WHERE id = ?`, id);
      if (row === undefined) return undefined;
      const frame = row.frame === null ? undefined : (JSON.parse(row.frame) as DeviceFrame);
      const health = row.health === null ? undefined : (JSON.parse(row.health) as HealthFrame);
      const scan = row.scan === null ? undefined : (JSON.parse(row.scan) as ScanFrame);
      return {
        ...deviceRow(row, online),
        facts: { ...frame?.facts, ...gateFacts(frame) },
        health: {
          agentVersion: health?.agentVersion ?? "unknown",
          rssBytes: health?.rssBytes ?? 0,
          cpuShare: health?.cpuShare ?? 0,
          spooledFrames: health?.spooledFrames ?? 0,
          spooledBytes: health?.spooledBytes ?? 0,
          lostFrames: ask.number("SELECT coalesce(sum(count), 0) AS n FROM losses WHERE device = ?", id),
          at: health?.at ?? row.last_seen,
        },
        blind: [
          ...(scan?.blind ?? []),
          ...(scan?.problems ?? []).map(({ path, why }) => ({ what: path.slice(0, 400), count: 1, why })),
        ],
      };
    },
    processes: (device) => readProcesses(ask, device),
  };
}

/** Whose word rules its gate, and by which groups. */
function gateFacts(frame: DeviceFrame | undefined): Record<string, string> {
  const { groups = [], policy } = frame ?? {};
  return {
    ...(groups.length === 0 ? {} : { groups: groups.join(", ") }),
    ...(policy === undefined
      ? {}
      : { policy: policy.from === "built-in" ? "the built-in one" : `${policy.number}, ${sourceWords[policy.from]}` }),
    ...(policy?.fault === undefined ? {} : { "policy's fault": policy.fault }),
  };
}

const sourceWords = { server: "from the server", file: "from a file on the device" } as const;
