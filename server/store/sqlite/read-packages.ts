import type { Read } from "../store.ts";
import type { Ask } from "./ask.ts";
import { afterCursor, contains, cursorOf, oneOf, orderBy, orderOf, pageOf, where } from "./page.ts";
import type { Condition } from "./page.ts";
import { countsOf, packageRow, proofStates } from "./rows.ts";
import type { StoredPackage } from "./rows.ts";

const columns = { name: "name", devices: "devices", executables: "executables" };

export function readPackages(ask: Ask): Pick<Read, "packages" | "package"> {
  return {
    packages(query) {
      const order = orderOf(query.sort, columns, "name");
      const filter: readonly Condition[] = [
        ...contains(["name", "version", "purl"], query.q),
        ...oneOf("ecosystem", query.ecosystem),
        ...(query.proof === undefined || query.proof.length === 0
          ? []
          : [
              {
                sql: `proof IN (${query.proof.map(() => "?").join(", ")})`,
                values: query.proof.map((state) => proofStates.indexOf(state)),
              },
            ]),
        ...(query.device === undefined
          ? []
          : [{ sql: "purl IN (SELECT purl FROM installs WHERE device = ?)", values: [query.device] }]),
      ];
      const paged = where([...filter, ...afterCursor(order, "purl", query.cursor)]);
      const all = where(filter);
      // Counted for every package only where they are sorted by it; those of the page are counted below.
      const source = order.column === "executables" ? countedSql : packagesSql;
      const rows = ask.all<StoredPackage & { readonly executables?: number }>(
        `SELECT * FROM (${source}) WHERE ${paged.sql} ORDER BY ${orderBy(order, "purl")} LIMIT ?`,
        ...paged.values,
        query.limit + 1,
      );
      const total = ask.number(`SELECT count(*) AS n FROM (${packagesSql}) WHERE ${all.sql}`, ...all.values);
      return pageOf(
        rows,
        query.limit,
        total,
        (row) => packageRow(row, countsOf(ask.all(ownedCounts, row.purl))),
        (row) => cursorOf(row[order.column as "name" | "devices" | "executables"], row.purl),
      );
    },
    package(purl) {
      const row = ask.one<StoredPackage>(`SELECT * FROM (${packagesSql}) WHERE purl = ?`, purl);
      if (row === undefined) return undefined;
      return {
        row: packageRow(row, countsOf(ask.all(ownedCounts, purl))),
        installs: ask
          .all<{ device: string; name: string; root: string; location: string; first_seen: number }>(
            `SELECT installs.device, devices.name, installs.root, installs.location, installs.first_seen FROM installs
             JOIN devices ON devices.id = installs.device WHERE purl = ?
             ORDER BY ${proofRank}, devices.name, installs.device, root, location LIMIT 500`,
            purl,
          )
          .map((place) => ({
            device: place.device,
            deviceName: place.name,
            location: place.root + place.location,
            firstSeen: place.first_seen,
            root: place.root,
          })),
      };
    },
  };
}

/** The place of an install's state in `proofStates`. What has no signed archive at all has none to wait for. */
const proofRank = `CASE WHEN ecosystem <> 'deb' THEN 5 ELSE CASE proof
  WHEN 'failed' THEN 0 WHEN 'lapsed' THEN 1 WHEN 'unsupported' THEN 2 WHEN 'derived' THEN 4 ELSE 3 END END`;

// SQLite takes bare columns beside a single min() from the very row that has the minimum: state and sentence stay together.
const packagesSql = `SELECT purl, ecosystem, name, version, arch, origin, count(DISTINCT device) AS devices,
  min(${proofRank}) AS proof, proof_says FROM installs GROUP BY purl`;
const countedSql = `SELECT *, (SELECT count(*) FROM owners WHERE owners.purl = packages.purl) AS executables FROM (${packagesSql}) AS packages`;
const ownedCounts =
  "SELECT standing, basis, count(*) AS n FROM owners JOIN files ON files.id = owners.file WHERE owners.purl = ? GROUP BY standing, basis";
