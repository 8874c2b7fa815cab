import type { FileFacts } from "@provost/shared/model/inventory.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { standings } from "@provost/shared/model/verdict.ts";
import type { Basis, Standing } from "@provost/shared/model/verdict.ts";
import type { ScanFrame } from "@provost/shared/protocol/frames.ts";
import type { Read } from "../store.ts";
import { rankOf } from "./inventory.ts";
import type { Db } from "./open.ts";
import { afterCursor, contains, cursorOf, oneOf, orderOf, where } from "./page.ts";

type Counts = Answer<"overview">["executables"];
type ExecutableRow = Answer<"executables">["rows"][number];
type DeviceRow = Answer<"devices">["rows"][number];
type PackageRow = Answer<"packages">["rows"][number];

const silentAfterMs = 120_000;

export function openRead(db: Db): Read {
  const all = <Row>(sql: string, ...values: readonly (string | number)[]): Row[] =>
    db.prepare<unknown[], Row>(sql).all(...values);
  const one = <Row>(sql: string, ...values: readonly (string | number)[]): Row | undefined =>
    db.prepare<unknown[], Row>(sql).get(...values);
  const number = (sql: string, ...values: readonly (string | number)[]): number =>
    one<{ n: number }>(sql, ...values)?.n ?? 0;

  const counts = (condition: string, ...values: readonly (string | number)[]): Counts =>
    countsOf(
      all(`SELECT standing, basis, count(*) AS n FROM files WHERE ${condition} GROUP BY standing, basis`, ...values),
    );

  const executableRows = (sql: string, ...values: readonly (string | number)[]): ExecutableRow[] =>
    all<FileRow>(
      `SELECT files.*, devices.name AS device_name FROM files JOIN devices ON devices.id = files.device ${sql}`,
      ...values,
    ).map(executableRow);

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
      lastSeen: row.last_seen,
      enrolledAt: row.enrolled_at,
      packages: number("SELECT count(*) AS n FROM installs WHERE device = ?", row.id),
      executables: counts("device = ?", row.id),
      running: counts("device = ? AND running > 0", row.id),
      scan: scanOf(row),
    };
  };

  return {
    overview(online, now) {
      const devices = all<StoredDevice>("SELECT * FROM devices ORDER BY name");
      return {
        devices: {
          total: devices.length,
          online: devices.filter((row) => online.has(row.id)).length,
          silent: devices.filter((row) => !online.has(row.id) && now - row.last_seen > silentAfterMs).length,
        },
        packages: {
          total: number("SELECT count(DISTINCT purl) AS n FROM installs"),
          byEcosystem: Object.fromEntries(
            all<{ ecosystem: string; n: number }>(
              "SELECT ecosystem, count(DISTINCT purl) AS n FROM installs GROUP BY ecosystem",
            ).map((row) => [row.ecosystem, row.n]),
          ),
        },
        executables: counts("1"),
        running: counts("running > 0"),
        scans: devices.map((row) => ({ device: row.id, deviceName: row.name, scan: scanOf(row) })),
        refuted: executableRows("WHERE rank = 0 ORDER BY changed_at DESC LIMIT 20"),
        newUnproven: executableRows("WHERE rank = 1 AND running > 0 ORDER BY files.first_seen DESC, path LIMIT 20"),
        now,
      };
    },
    devices(query, online) {
      const order = orderOf(query.sort, { name: "name", lastSeen: "last_seen" }, "name");
      const filter = contains(["name", "id"], query.q);
      const paged = where([...filter, ...afterCursor(order, "id", query.cursor)]);
      const rows = all<StoredDevice>(
        `SELECT * FROM devices WHERE ${paged.sql} ORDER BY ${order.column} ${order.descending ? "DESC" : "ASC"}, id LIMIT ?`,
        ...paged.values,
        query.limit + 1,
      );
      const total = number(`SELECT count(*) AS n FROM devices WHERE ${where(filter).sql}`, ...where(filter).values);
      return pageOf(
        rows,
        query.limit,
        total,
        (row) => deviceRow(row, online),
        (row) => cursorOf(order.column === "name" ? row.name : row.last_seen, row.id),
      );
    },
    device(id, online) {
      const row = one<StoredDevice>("SELECT * FROM devices WHERE id = ?", id);
      if (row === undefined) return undefined;
      const frame = row.frame === null ? undefined : (JSON.parse(row.frame) as DeviceFrame);
      const health = row.health === null ? undefined : (JSON.parse(row.health) as HealthFrame);
      const scan = row.scan === null ? undefined : (JSON.parse(row.scan) as ScanFrame);
      return {
        ...deviceRow(row, online),
        facts: frame?.facts ?? {},
        health: {
          agentVersion: health?.agentVersion ?? "unknown",
          rssBytes: health?.rssBytes ?? 0,
          cpuShare: health?.cpuShare ?? 0,
          spooledFrames: health?.spooledFrames ?? 0,
          spooledBytes: health?.spooledBytes ?? 0,
          lostFrames: number("SELECT coalesce(sum(count), 0) AS n FROM losses WHERE device = ?", id),
          at: health?.at ?? row.last_seen,
        },
        blind: [
          ...(scan?.blind ?? []),
          ...(scan?.problems ?? []).map(({ path, why }) => ({ what: path.slice(0, 400), count: 1, why })),
        ],
      };
    },
    processes(device) {
      const at =
        one<{ running_at: number | null }>("SELECT running_at FROM devices WHERE id = ?", device)?.running_at ?? 0;
      const rows = all<StoredProcess>("SELECT * FROM processes WHERE device = ? ORDER BY pid", device);
      const known = new Map(
        all<{ id: string; path: string; standing: Standing; basis: Basis }>(
          "SELECT id, path, standing, basis FROM files WHERE device = ? AND running > 0",
          device,
        ).map((row) => [row.id, row]),
      );
      return { rows: rows.map((row) => processRow(row, known)), at };
    },
    executables(query) {
      const order = orderOf(query.sort, executableColumns, "rank");
      // "-standing" is worst first: the lowest rank.
      const sorted = order.column === "rank" ? { ...order, descending: !order.descending } : order;
      const filter = [
        ...contains(["path", "package", "digest", "root"], query.q),
        ...oneOf("device", query.device === undefined ? undefined : [query.device]),
        ...oneOf("standing", query.standing),
        ...oneOf("basis", query.basis),
        ...oneOf("kind", query.kind),
        ...(query.running === undefined ? [] : [{ sql: query.running ? "running > 0" : "running = 0", values: [] }]),
        ...oneOf("digest", query.digest === undefined ? undefined : [query.digest]),
        ...(query.package === undefined
          ? []
          : [{ sql: "files.id IN (SELECT file FROM owners WHERE purl = ?)", values: [query.package] }]),
      ];
      const paged = where([...filter, ...afterCursor(sorted, "files.id", query.cursor)]);
      const rows = all<FileRow>(
        `SELECT files.*, devices.name AS device_name FROM files JOIN devices ON devices.id = files.device WHERE ${paged.sql}
         ORDER BY ${sorted.column} ${sorted.descending ? "DESC" : "ASC"}, files.id LIMIT ?`,
        ...paged.values,
        query.limit + 1,
      );
      const total = number(`SELECT count(*) AS n FROM files WHERE ${where(filter).sql}`, ...where(filter).values);
      return pageOf(rows, query.limit, total, executableRow, (row) =>
        cursorOf(row[sorted.column as keyof FileRow], row.id),
      );
    },
    executable(id) {
      const row = one<FileRow>(
        "SELECT files.*, devices.name AS device_name FROM files JOIN devices ON devices.id = files.device WHERE files.id = ?",
        id,
      );
      if (row === undefined) return undefined;
      const elsewhere =
        row.digest === null
          ? []
          : executableRows(
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
          processes: all<StoredProcess>(
            "SELECT * FROM processes WHERE device = ? AND instr(files, ?) > 0 ORDER BY pid LIMIT 200",
            row.device,
            `"${id}"`,
          ).map(({ pid, parent, started_at, user, command }) => ({
            pid,
            parent,
            startedAt: started_at,
            user,
            command,
          })),
          elsewhere,
          history: all<StoredHistory>("SELECT * FROM history WHERE file = ? ORDER BY to_at DESC LIMIT 100", id).map(
            (past) => ({
              ...(past.digest === null ? {} : { digest: past.digest }),
              standing: past.standing,
              basis: past.basis,
              from: past.from_at,
              to: past.to_at,
            }),
          ),
        },
      };
    },
    packages(query) {
      const order = orderOf(query.sort, { name: "name", devices: "devices", executables: "executables" }, "name");
      const filter = [
        ...contains(["name", "version", "purl"], query.q),
        ...oneOf("ecosystem", query.ecosystem),
        ...oneOf("proof", query.proof),
        ...(query.device === undefined
          ? []
          : [{ sql: "purl IN (SELECT purl FROM installs WHERE device = ?)", values: [query.device] }]),
      ];
      const paged = where([...filter, ...afterCursor(order, "purl", query.cursor)]);
      const rows = all<StoredPackage>(
        `SELECT * FROM (${packagesSql}) WHERE ${paged.sql} ORDER BY ${order.column} ${order.descending ? "DESC" : "ASC"}, purl LIMIT ?`,
        ...paged.values,
        query.limit + 1,
      );
      const total = number(
        `SELECT count(*) AS n FROM (${packagesSql}) WHERE ${where(filter).sql}`,
        ...where(filter).values,
      );
      return pageOf(
        rows,
        query.limit,
        total,
        (row) => packageRow(row, countsOf(all(ownedCounts, row.purl))),
        (row) => cursorOf(row[order.column as keyof StoredPackage], row.purl),
      );
    },
    package(purl) {
      const row = one<StoredPackage>(`SELECT * FROM (${packagesSql}) WHERE purl = ?`, purl);
      if (row === undefined) return undefined;
      return {
        row: packageRow(row, countsOf(all(ownedCounts, purl))),
        installs: all<{ device: string; name: string; root: string; location: string; first_seen: number }>(
          "SELECT installs.device, devices.name, installs.root, installs.location, installs.first_seen FROM installs JOIN devices ON devices.id = installs.device WHERE purl = ? LIMIT 500",
          purl,
        ).map((place) => ({
          device: place.device,
          deviceName: place.name,
          location: place.root + place.location,
          firstSeen: place.first_seen,
          root: place.root,
        })),
      };
    },
    search(text) {
      const wanted = text.trim().toLowerCase();
      if (wanted === "") return { hits: [] };
      const devices = all<StoredDevice>(
        "SELECT * FROM devices WHERE instr(lower(name), ?) > 0 OR id = ? ORDER BY name LIMIT 5",
        wanted,
        wanted,
      );
      const packages = all<StoredPackage>(
        `SELECT * FROM (${packagesSql}) WHERE instr(lower(name), ?) > 0 ORDER BY name = ? DESC, length(name), name LIMIT 6`,
        wanted,
        wanted,
      );
      const files = executableRows(
        "WHERE instr(lower(path), ?) > 0 OR digest LIKE ? || '%' ORDER BY path LIKE '%/' || ? DESC, running DESC, length(path), path LIMIT 10",
        wanted,
        /^[0-9a-f]+$/.test(wanted) ? wanted : "-",
        wanted,
      );
      return {
        hits: [
          ...devices.map((row) => ({ kind: "device" as const, id: row.id, title: row.name, detail: row.id })),
          ...files.map((row) => ({
            kind: "executable" as const,
            id: row.id,
            title: row.root + row.path,
            detail: `${row.deviceName} ${row.digest?.slice(0, 16) ?? ""}`.trim(),
            standing: row.standing,
          })),
          ...packages.map((row) => ({
            kind: "package" as const,
            id: row.purl,
            title: `${row.name} ${row.version}`,
            detail: row.purl,
          })),
        ].slice(0, 20),
      };
    },
  };
}

const executableColumns = { path: "path", changedAt: "changed_at", running: "running", size: "size", standing: "rank" };

const packagesSql = `SELECT purl, min(ecosystem) AS ecosystem, min(name) AS name, min(version) AS version, min(arch) AS arch, min(origin) AS origin,
  count(DISTINCT device) AS devices, min(proof) AS proof, min(proof_says) AS proof_says,
  (SELECT count(*) FROM owners WHERE owners.purl = installs.purl) AS executables FROM installs GROUP BY purl`;
const ownedCounts =
  "SELECT standing, basis, count(*) AS n FROM owners JOIN files ON files.id = owners.file WHERE owners.purl = ? GROUP BY standing, basis";

interface StoredDevice {
  readonly id: string;
  readonly name: string;
  readonly enrolled_at: number;
  readonly last_seen: number;
  readonly frame: string | null;
  readonly scan: string | null;
  readonly health: string | null;
}
type DeviceFrame = Pick<DeviceRow, "os" | "kernel" | "arch" | "mode" | "tier"> & {
  readonly facts: Record<string, string>;
};
interface HealthFrame {
  readonly agentVersion: string;
  readonly rssBytes: number;
  readonly cpuShare: number;
  readonly spooledFrames: number;
  readonly spooledBytes: number;
  readonly at: number;
}
interface FileRow {
  readonly id: string;
  readonly device: string;
  readonly device_name: string;
  readonly root: string;
  readonly path: string;
  readonly kind: ExecutableRow["kind"];
  readonly digest: string | null;
  readonly size: number;
  readonly mode: number;
  readonly facts: string;
  readonly package: string | null;
  readonly standing: Standing;
  readonly basis: Basis;
  readonly rank: number;
  readonly says: string;
  readonly trust_version: string;
  readonly judged_at: number;
  readonly first_seen: number;
  readonly changed_at: number;
  readonly running: number;
}
interface StoredProcess {
  readonly pid: number;
  readonly parent: number;
  readonly started_at: number;
  readonly user: string;
  readonly command: string;
  readonly container: string | null;
  readonly files: string;
}
interface StoredHistory {
  readonly digest: string | null;
  readonly standing: Standing;
  readonly basis: Basis;
  readonly from_at: number;
  readonly to_at: number;
}
interface StoredPackage {
  readonly purl: string;
  readonly ecosystem: PackageRow["ecosystem"];
  readonly name: string;
  readonly version: string;
  readonly arch: string | null;
  readonly origin: string | null;
  readonly devices: number;
  readonly proof: PackageRow["proof"];
  readonly proof_says: string;
  readonly executables: number;
}

function countsOf(rows: readonly { readonly standing: Standing; readonly basis: Basis; readonly n: number }[]): Counts {
  const byStanding: Record<Standing, number> = { proven: 0, signed: 0, unproven: 0, refuted: 0, unchecked: 0 };
  const byBasis: Partial<Record<Basis, number>> = {};
  let total = 0;
  for (const { standing, basis, n } of rows) {
    byStanding[standing] += n;
    byBasis[basis] = (byBasis[basis] ?? 0) + n;
    total += n;
  }
  return { total, standings: byStanding, bases: byBasis };
}

const setIdBits = 0o6000;

const executableRow = (row: FileRow): ExecutableRow => ({
  id: row.id,
  device: row.device,
  deviceName: row.device_name,
  path: row.path,
  root: row.root,
  ...(row.digest === null ? {} : { digest: row.digest }),
  size: row.size,
  kind: row.kind,
  ...(row.package === null ? {} : { package: row.package }),
  standing: row.standing,
  basis: row.basis,
  says: row.says,
  running: row.running,
  privileged: (row.mode & setIdBits) !== 0,
  firstSeen: row.first_seen,
  changedAt: row.changed_at,
});

function scanOf(row: StoredDevice): DeviceRow["scan"] {
  if (row.scan === null) return { state: "never", filesSeen: 0, executables: 0, hashed: 0, toHash: 0 };
  const frame = JSON.parse(row.scan) as ScanFrame;
  return {
    state: frame.state,
    filesSeen: frame.filesSeen,
    executables: frame.executables,
    hashed: frame.hashed,
    toHash: frame.toHash,
    startedAt: frame.startedAt,
    ...(frame.endedAt === undefined ? {} : { endedAt: frame.endedAt }),
    ...(frame.says === undefined ? {} : { says: frame.says }),
  };
}

function processRow(
  row: StoredProcess,
  known: ReadonlyMap<
    string,
    { readonly id: string; readonly path: string; readonly standing: Standing; readonly basis: Basis }
  >,
): Answer<"processes">["rows"][number] {
  const files = JSON.parse(row.files) as readonly { id: string; path: string; note?: string }[];
  const mapped = files.map((file) => {
    const judged = known.get(file.id);
    return {
      ...(judged === undefined ? {} : { executable: judged.id }),
      path: file.path,
      standing: judged?.standing ?? ("unchecked" as const),
      basis: judged?.basis ?? ("unreadable" as const),
      ...(file.note === undefined ? {} : { note: file.note }),
    };
  });
  const [program, ...libraries] = mapped;
  const worst = standings
    .toSorted((a, b) => rankOf[a] - rankOf[b])
    .find((standing) => mapped.some((file) => file.standing === standing));
  return {
    pid: row.pid,
    parent: row.parent,
    startedAt: row.started_at,
    user: row.user,
    command: row.command,
    ...(program?.executable === undefined ? {} : { executable: program.executable }),
    path: program?.path ?? "",
    standing: program?.standing ?? "unchecked",
    basis: program?.basis ?? "unreadable",
    worst: worst ?? "unchecked",
    mapped: libraries,
    ...(row.container === null ? {} : { container: row.container }),
  };
}

const packageRow = (row: StoredPackage, executables: Counts): PackageRow => ({
  purl: row.purl,
  ecosystem: row.ecosystem,
  name: row.name,
  version: row.version,
  ...(row.arch === null ? {} : { arch: row.arch }),
  ...(row.origin === null ? {} : { origin: row.origin }),
  devices: row.devices,
  files: row.executables,
  executables,
  proof: row.ecosystem === "deb" && row.proof === "none" ? "pending" : row.proof,
  says: row.proof_says,
});

function pageOf<Stored, Shown>(
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
