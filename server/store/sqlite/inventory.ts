import type { InstalledPackage, AptSource } from "@provost/shared/model/inventory.ts";
import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import type { PackageAtRest } from "../../intel/at-rest.ts";
import type { Inventory, KnownDevice } from "../store.ts";
import { attestedTables } from "./attested.ts";
import { openFiles } from "./files.ts";
import type { Db } from "./open.ts";
import { openRunning } from "./running.ts";

/** What a device tells anew in each epoch. */
const deviceTables = ["installs", "archives", "processes", "running_files", "proof_versions", "owners"] as const;

export function openInventory(db: Db): Inventory {
  return {
    transaction: (work) => db.transaction(work).immediate(),
    ...openDevices(db),
    ...openPackages(db),
    ...openFiles(db),
    ...openRunning(db),
    ...openProofs(db),
  };
}

type Devices = Pick<
  Inventory,
  | "device"
  | "deviceIds"
  | "addDevice"
  | "startEpoch"
  | "acknowledge"
  | "seen"
  | "describe"
  | "lost"
  | "setArchives"
  | "archives"
  | "setConfig"
  | "configs"
  | "registryPackages"
  | "unclaimedDigests"
>;

function openDevices(db: Db): Devices {
  const device = db.prepare<
    [string],
    { id: DeviceId; name: string; public_key: string; epoch: string; acknowledged: number }
  >("SELECT id, name, public_key, epoch, acknowledged FROM devices WHERE id = ?");
  const acknowledge = db.prepare("UPDATE devices SET acknowledged = ?, last_seen = ? WHERE id = ?");
  return {
    device(id) {
      const row = device.get(id);
      return row === undefined
        ? undefined
        : ({
            id: row.id,
            name: row.name,
            publicKey: row.public_key,
            epoch: row.epoch,
            acknowledged: row.acknowledged,
          } satisfies KnownDevice);
    },
    deviceIds: () =>
      db
        .prepare<[], { id: DeviceId }>("SELECT id FROM devices ORDER BY id")
        .all()
        .map(({ id }) => id),
    registryPackages: () =>
      db
        .prepare<[], { ecosystem: "npm" | "pypi"; name: string; version: string; origin: string | null }>(
          "SELECT DISTINCT ecosystem, name, version, origin FROM installs WHERE ecosystem IN ('npm', 'pypi')",
        )
        .all()
        .map(({ origin, ...known }) => ({ ...known, ...(origin === null ? {} : { origin }) })),
    unclaimedDigests: (limit) =>
      db
        .prepare<[number], Sha256>(
          `SELECT digest FROM files WHERE digest IS NOT NULL AND standing = 'unproven' AND basis = 'none'
           GROUP BY digest ORDER BY max(running) DESC, min(first_seen) LIMIT ?`,
        )
        .pluck()
        .all(limit),
    addDevice: (added, now) =>
      void db
        .prepare(
          "INSERT INTO devices (id, name, public_key, epoch, acknowledged, enrolled_at, last_seen) VALUES (?, ?, ?, ?, 0, ?, ?)",
        )
        .run(added.id, added.name, added.publicKey, added.epoch, now, now),
    startEpoch(id, epoch) {
      for (const table of [...deviceTables, ...attestedTables])
        db.prepare(`DELETE FROM ${table} WHERE device = ?`).run(id);
      db.prepare("DELETE FROM history WHERE file IN (SELECT id FROM files WHERE device = ?)").run(id);
      db.prepare("DELETE FROM file_facts WHERE n IN (SELECT n FROM files WHERE device = ?)").run(id);
      db.prepare("DELETE FROM files WHERE device = ?").run(id);
      db.prepare(
        "UPDATE devices SET epoch = ?, acknowledged = 0, frame = NULL, scan = NULL, health = NULL, running_at = NULL WHERE id = ?",
      ).run(epoch, id);
    },
    acknowledge: (id, upTo, now) => void acknowledge.run(upTo, now, id),
    seen: (id, now) => void db.prepare("UPDATE devices SET last_seen = ? WHERE id = ?").run(now, id),
    describe(id, frame) {
      const column = frame.kind === "device" ? "frame" : frame.kind;
      db.prepare(`UPDATE devices SET ${column} = ? WHERE id = ?`).run(JSON.stringify(frame), id);
      if (frame.kind === "device") db.prepare("UPDATE devices SET name = ? WHERE id = ?").run(frame.name, id);
    },
    lost: (id, lane, count, why, at) =>
      void db
        .prepare("INSERT INTO losses (device, at, lane, count, why) VALUES (?, ?, ?, ?, ?)")
        .run(id, at, lane, count, why),
    ...openArchives(db),
  };
}

function openArchives(db: Db): Pick<Inventory, "setArchives" | "archives" | "setConfig" | "configs"> {
  return {
    setArchives: (device, root, sources) =>
      void db
        .prepare(
          "INSERT INTO archives (device, root, sources) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET sources = excluded.sources",
        )
        .run(device, root, JSON.stringify(sources)),
    archives: (device) =>
      db
        .prepare<[string], { root: string; sources: string; config: string | null }>(
          "SELECT root, sources, config FROM archives WHERE device = ?",
        )
        .all(device)
        .map((row) => ({
          root: row.root,
          sources: JSON.parse(row.sources) as AptSource[],
          config: row.config ?? undefined,
        })),
    setConfig: (device, root, config) =>
      void db.prepare("UPDATE archives SET config = ? WHERE device = ? AND root = ?").run(config, device, root),
    configs: () =>
      db
        .prepare<[], { config: string }>("SELECT DISTINCT config FROM archives WHERE config IS NOT NULL")
        .all()
        .map(({ config }) => config),
  };
}

type Packages = Pick<
  Inventory,
  "putPackages" | "installed" | "installsOf" | "packages" | "packageAt" | "unanswered" | "installsNamed" | "setProof"
>;

function openPackages(db: Db): Packages {
  const put = db.prepare(
    `INSERT INTO installs (device, root, location, purl, ecosystem, name, version, arch, origin, body, first_seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET ecosystem = excluded.ecosystem, name = excluded.name, version = excluded.version,
     arch = excluded.arch, origin = excluded.origin, body = excluded.body`,
  );
  const remove = db.prepare("DELETE FROM installs WHERE device = ? AND root = ? AND location = ? AND purl = ?");
  // A proof of what is no longer installed need not travel, and must not stand in the way of those that must.
  const forgetProof = db.prepare(
    `DELETE FROM proof_versions WHERE device = @device AND root = @root AND purl = @purl
     AND NOT EXISTS (SELECT 1 FROM installs WHERE device = @device AND root = @root AND purl = @purl)`,
  );
  const packageAt = db.prepare<[string, string, string], { body: string }>(
    "SELECT body FROM installs WHERE purl = ? AND device = ? AND root = ? LIMIT 1",
  );
  return {
    putPackages(device, upserts, gone, now) {
      for (const item of upserts)
        put.run(
          device,
          item.root,
          item.location,
          item.purl,
          item.ecosystem,
          item.name,
          item.version,
          item.arch ?? null,
          item.origin ?? null,
          JSON.stringify(item),
          now,
        );
      for (const { root, location, purl } of gone) {
        remove.run(device, root, location, purl);
        forgetProof.run({ device, root, purl });
      }
    },
    installsOf: (ecosystem, name, version) =>
      db
        .prepare<[string, string, string], PackageAtRest>(
          `SELECT device, root, location, purl, ecosystem, name, version FROM installs
           WHERE ecosystem = ? AND name = ? AND version = ? LIMIT 10000`,
        )
        .all(ecosystem, name, version),
    installed: (device) =>
      db
        .prepare<[string], PackageAtRest>(
          "SELECT device, root, location, purl, ecosystem, name, version FROM installs WHERE device = ?",
        )
        .all(device),
    packages: (device, root) =>
      db
        .prepare<[string, string], { body: string }>(
          "SELECT body FROM installs WHERE device = ? AND root = ? AND ecosystem = 'deb'",
        )
        .all(device, root)
        .map((row) => JSON.parse(row.body) as InstalledPackage),
    packageAt(device, root, purl) {
      const row = packageAt.get(purl, device, root);
      return row === undefined ? undefined : (JSON.parse(row.body) as InstalledPackage);
    },
    unanswered: (device, root) =>
      db
        .prepare<[string, string], { purl: string }>(
          "SELECT DISTINCT purl FROM installs WHERE device = ? AND root = ? AND ecosystem = 'deb' AND proof IN ('none', 'pending')",
        )
        .all(device, root)
        .map((row) => row.purl),
    installsNamed: (name, version) =>
      db
        .prepare<[string, string], { device: DeviceId; root: string; body: string }>(
          "SELECT device, root, body FROM installs WHERE ecosystem = 'deb' AND name = ? AND version = ?",
        )
        .all(name, version)
        .map((row) => ({ device: row.device, root: row.root, body: JSON.parse(row.body) as InstalledPackage })),
    setProof: (device, root, purl, proof, says) =>
      void db
        .prepare("UPDATE installs SET proof = ?, proof_says = ? WHERE purl = ? AND device = ? AND root = ?")
        .run(proof, says, purl, device, root),
  };
}

function openProofs(db: Db): Pick<Inventory, "touchProof" | "heldProof" | "unheldProofs"> {
  const touch = db.prepare(
    `INSERT INTO proof_versions (device, root, purl, version, held) VALUES (?, ?, ?, 1, 0)
     ON CONFLICT DO UPDATE SET version = version + 1`,
  );
  const held = db.prepare(
    "UPDATE proof_versions SET held = max(held, ?) WHERE device = ? AND root = ? AND purl = ? AND version >= ?",
  );
  const unheld = db.prepare<[string, number], { root: string; purl: string; version: number }>(
    "SELECT root, purl, version FROM proof_versions WHERE device = ? AND held < version ORDER BY purl LIMIT ?",
  );
  return {
    touchProof: (device, root, purl) => void touch.run(device, root, purl),
    heldProof: (device, root, purl, version) => void held.run(version, device, root, purl, version),
    unheldProofs: (device, limit) => unheld.all(device, limit),
  };
}
