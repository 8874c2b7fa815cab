import { createHash } from "node:crypto";
import type { FileFacts, InstalledPackage, AptSource } from "@provost/shared/model/inventory.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import { standings } from "@provost/shared/model/verdict.ts";
import type { Standing } from "@provost/shared/model/verdict.ts";
import type { Inventory, JudgeFile, KnownDevice } from "../store.ts";
import type { Db } from "./open.ts";

/** Worst first, as an analyst reads a list. */
export const rankOf: Record<Standing, number> = { refuted: 0, unproven: 1, unchecked: 2, signed: 3, proven: 4 };
void (standings satisfies readonly Standing[]);

/** A place on a device by a name that stays: the same device, root and path give the same id. */
export const fileId = (device: string, root: string, path: string): string =>
  `exe_${createHash("sha256").update(`${device}\n${root}\n${path}`).digest("hex").slice(0, 24)}`;

export function openInventory(db: Db): Inventory {
  const one = <Row>(sql: string) => db.prepare<unknown[], Row>(sql);
  const statements = {
    device: one<{ id: DeviceId; name: string; public_key: string; epoch: string; acknowledged: number }>(
      "SELECT id, name, public_key, epoch, acknowledged FROM devices WHERE id = ?",
    ),
    file: one<StoredFile>("SELECT id, digest, standing, basis, says, first_seen, changed_at FROM files WHERE id = ?"),
    putFile: db.prepare(
      `INSERT INTO files (id, device, root, path, kind, digest, size, mode, facts, package, standing, rank, basis, says, trust_version, judged_at, first_seen, changed_at)
       VALUES (@id, @device, @root, @path, @kind, @digest, @size, @mode, @facts, @package, @standing, @rank, @basis, @says, @trust, @now, @now, @now)
       ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, digest = excluded.digest, size = excluded.size, mode = excluded.mode,
       facts = excluded.facts, package = excluded.package, standing = excluded.standing, rank = excluded.rank, basis = excluded.basis,
       says = excluded.says, trust_version = excluded.trust_version, judged_at = excluded.judged_at,
       changed_at = CASE WHEN files.digest IS excluded.digest AND files.standing = excluded.standing THEN files.changed_at ELSE excluded.changed_at END`,
    ),
    history: db.prepare(
      "INSERT OR REPLACE INTO history (file, to_at, digest, standing, basis, from_at) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    disown: db.prepare("DELETE FROM owners WHERE file = ?"),
    own: db.prepare("INSERT OR IGNORE INTO owners (purl, device, root, file) VALUES (?, ?, ?, ?)"),
    removeFile: db.prepare("DELETE FROM files WHERE id = ?"),
    removeHistory: db.prepare("DELETE FROM history WHERE file = ?"),
    rejudge: db.prepare(
      `UPDATE files SET standing = ?, rank = ?, basis = ?, says = ?, trust_version = ?, judged_at = ?,
       changed_at = CASE WHEN standing = ? THEN changed_at ELSE ? END WHERE id = ?`,
    ),
    owned: one<{ facts: string; id: string; standing: string; basis: string; says: string }>(
      "SELECT files.id, files.facts, files.standing, files.basis, files.says FROM owners JOIN files ON files.id = owners.file WHERE owners.purl = ? AND owners.device = ? AND owners.root = ?",
    ),
    touch: db.prepare(
      `INSERT INTO proof_versions (device, root, purl, version, held) VALUES (?, ?, ?, 1, 0)
       ON CONFLICT DO UPDATE SET version = version + 1`,
    ),
  };

  const putFile = (device: DeviceId, facts: FileFacts, judge: JudgeFile, now: number): void => {
    const id = fileId(device, facts.root, facts.path);
    const { verdict, trustVersion } = judge(facts);
    const before = statements.file.get(id);
    if (before !== undefined && before.digest !== (facts.digest ?? null))
      statements.history.run(id, now, before.digest, before.standing, before.basis, before.changed_at);
    statements.putFile.run({
      id,
      device,
      root: facts.root,
      path: facts.path,
      kind: facts.kind,
      digest: facts.digest ?? null,
      size: facts.identity.size,
      mode: facts.mode,
      facts: JSON.stringify(facts),
      package: facts.records[0]?.purl ?? null,
      standing: verdict.standing,
      rank: rankOf[verdict.standing],
      basis: verdict.basis,
      says: verdict.says,
      trust: trustVersion,
      now,
    });
    if (before !== undefined) statements.disown.run(id);
    for (const record of facts.records) statements.own.run(record.purl, device, facts.root, id);
  };

  return {
    transaction: (work) => db.transaction(work).immediate(),
    device(id) {
      const row = statements.device.get(id);
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
    addDevice: (device, now) =>
      void db
        .prepare(
          "INSERT INTO devices (id, name, public_key, epoch, acknowledged, enrolled_at, last_seen) VALUES (?, ?, ?, ?, 0, ?, ?)",
        )
        .run(device.id, device.name, device.publicKey, device.epoch, now, now),
    startEpoch(device, epoch) {
      for (const table of ["installs", "archives", "processes", "proof_versions"])
        db.prepare(`DELETE FROM ${table} WHERE device = ?`).run(device);
      db.prepare("DELETE FROM history WHERE file IN (SELECT id FROM files WHERE device = ?)").run(device);
      db.prepare("DELETE FROM owners WHERE device = ?").run(device);
      db.prepare("DELETE FROM files WHERE device = ?").run(device);
      db.prepare("UPDATE devices SET epoch = ?, acknowledged = 0 WHERE id = ?").run(epoch, device);
    },
    acknowledge: (device, upTo, now) =>
      void db.prepare("UPDATE devices SET acknowledged = ?, last_seen = ? WHERE id = ?").run(upTo, now, device),
    seen: (device, now) => void db.prepare("UPDATE devices SET last_seen = ? WHERE id = ?").run(now, device),
    describe(device, frame) {
      const column = frame.kind === "device" ? "frame" : frame.kind;
      db.prepare(`UPDATE devices SET ${column} = ? WHERE id = ?`).run(JSON.stringify(frame), device);
      if (frame.kind === "device") db.prepare("UPDATE devices SET name = ? WHERE id = ?").run(frame.name, device);
    },
    setArchives: (device, root, sources) =>
      void db
        .prepare(
          "INSERT INTO archives (device, root, sources) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET sources = excluded.sources",
        )
        .run(device, root, JSON.stringify(sources)),
    archives: (device) =>
      one<{ root: string; sources: string; config: string | null }>(
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
    putPackages(device, upserts, gone, now) {
      const put = db.prepare(
        `INSERT INTO installs (device, root, location, purl, ecosystem, name, version, arch, origin, body, first_seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET arch = excluded.arch, origin = excluded.origin, body = excluded.body`,
      );
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
      const remove = db.prepare("DELETE FROM installs WHERE device = ? AND root = ? AND location = ? AND purl = ?");
      for (const { root, location, purl } of gone) remove.run(device, root, location, purl);
    },
    packages: (device, root) =>
      one<{ body: string }>("SELECT body FROM installs WHERE device = ? AND root = ? AND ecosystem = 'deb'")
        .all(device, root)
        .map((row) => JSON.parse(row.body) as InstalledPackage),
    unanswered: (device, root) =>
      one<{ purl: string }>(
        "SELECT DISTINCT purl FROM installs WHERE device = ? AND root = ? AND ecosystem = 'deb' AND proof IN ('none', 'pending')",
      )
        .all(device, root)
        .map((row) => row.purl),
    installsNamed: (name, version) =>
      one<{ device: DeviceId; root: string; body: string }>(
        "SELECT device, root, body FROM installs WHERE ecosystem = 'deb' AND name = ? AND version = ?",
      )
        .all(name, version)
        .map((row) => ({ device: row.device, root: row.root, body: JSON.parse(row.body) as InstalledPackage })),
    installsOf: (purl) =>
      one<{ device: DeviceId; root: string; body: string }>("SELECT device, root, body FROM installs WHERE purl = ?")
        .all(purl)
        .map((row) => ({ device: row.device, root: row.root, body: JSON.parse(row.body) as InstalledPackage })),
    setProof: (device, root, purl, proof, says) =>
      void db
        .prepare("UPDATE installs SET proof = ?, proof_says = ? WHERE device = ? AND root = ? AND purl = ?")
        .run(proof, says, device, root, purl),
    putFiles(device, upserts, gone, judge, now) {
      for (const facts of upserts) putFile(device, facts, judge, now);
      for (const { root, path } of gone) {
        const id = fileId(device, root, path);
        statements.disown.run(id);
        statements.removeHistory.run(id);
        statements.removeFile.run(id);
      }
    },
    judgeAgain(device, root, purl, judge, now) {
      let changed = 0;
      for (const row of statements.owned.all(purl, device, root)) {
        const { verdict, trustVersion } = judge(JSON.parse(row.facts) as FileFacts);
        if (verdict.standing === row.standing && verdict.basis === row.basis && verdict.says === row.says) continue;
        statements.rejudge.run(
          verdict.standing,
          rankOf[verdict.standing],
          verdict.basis,
          verdict.says,
          trustVersion,
          now,
          verdict.standing,
          now,
          row.id,
        );
        changed += 1;
      }
      return changed;
    },
    ownedFiles: (device, root, purl) =>
      statements.owned.all(purl, device, root).map((row) => JSON.parse(row.facts) as FileFacts),
    runningPurls: (device, root) =>
      new Set(
        one<{ purl: string }>(
          "SELECT DISTINCT owners.purl FROM files JOIN owners ON owners.file = files.id WHERE files.running > 0 AND owners.device = ? AND owners.root = ?",
        )
          .all(device, root)
          .map((row) => row.purl),
      ),
    putRunning(device, frame) {
      const ids = frame.files.map((place) => fileId(device, place.root, place.path));
      db.prepare("DELETE FROM processes WHERE device = ?").run(device);
      db.prepare("UPDATE files SET running = 0 WHERE device = ? AND running > 0").run(device);
      const put = db.prepare(
        "INSERT OR REPLACE INTO processes (device, pid, parent, started_at, user, command, container, files) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      );
      const counts = new Map<string, number>();
      for (const process of frame.processes) {
        const files = process.files.flatMap((file) => {
          const id = ids[file.at];
          const place = frame.files[file.at];
          return id === undefined || place === undefined
            ? []
            : [{ id, path: place.path, ...(file.note === undefined ? {} : { note: file.note }) }];
        });
        for (const id of new Set(files.map((file) => file.id))) counts.set(id, (counts.get(id) ?? 0) + 1);
        put.run(
          device,
          process.pid,
          process.parent,
          process.startedAt,
          process.user,
          process.command,
          process.container ?? null,
          JSON.stringify(files),
        );
      }
      const count = db.prepare("UPDATE files SET running = ? WHERE id = ?");
      for (const [id, running] of counts) count.run(running, id);
      db.prepare("UPDATE devices SET running_at = ? WHERE id = ?").run(frame.at, device);
    },
    lost: (device, lane, count, why, at) =>
      void db
        .prepare("INSERT INTO losses (device, at, lane, count, why) VALUES (?, ?, ?, ?, ?)")
        .run(device, at, lane, count, why),
    touchProof: (device, root, purl) => void statements.touch.run(device, root, purl),
    heldProof: (device, root, purl, version) =>
      void db
        .prepare(
          "UPDATE proof_versions SET held = max(held, ?) WHERE device = ? AND root = ? AND purl = ? AND version >= ?",
        )
        .run(version, device, root, purl, version),
    unheldProofs: (device, limit) =>
      one<{ root: string; purl: string; version: number }>(
        "SELECT root, purl, version FROM proof_versions WHERE device = ? AND held < version ORDER BY purl LIMIT ?",
      ).all(device, limit),
  };
}

interface StoredFile {
  readonly id: string;
  readonly digest: string | null;
  readonly standing: string;
  readonly basis: string;
  readonly says: string;
  readonly first_seen: number;
  readonly changed_at: number;
}
