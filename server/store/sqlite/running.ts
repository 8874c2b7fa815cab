import type { Inventory } from "../store.ts";
import { fileId } from "./files.ts";
import type { Db } from "./open.ts";

/** One file that a process maps, as it rests: an index into the device's `running_files`, and the note about the mapping. */
export type Mapped = readonly [at: number, note?: string];

export function openRunning(db: Db): Pick<Inventory, "putRunning" | "runningPurls"> {
  const putProcess = db.prepare(
    "INSERT OR REPLACE INTO processes (device, pid, parent, started_at, user, command, container, files, since_boot) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const putFile = db.prepare("INSERT INTO running_files (device, at, file, path, count) VALUES (?, ?, ?, ?, ?)");
  const mark = db.prepare("UPDATE files SET running = ? WHERE id = ? AND running <> ?");
  const unmark = db.prepare("UPDATE files SET running = 0 WHERE id = ?");
  const marked = db.prepare<[string], { id: string }>("SELECT id FROM files WHERE device = ? AND running > 0");
  return {
    putRunning(device, frame) {
      for (const table of ["processes", "running_files"])
        db.prepare(`DELETE FROM ${table} WHERE device = ?`).run(device);
      const processesOf = new Map<number, number>();
      for (const process of frame.processes) {
        const files = process.files.filter(({ at }) => at < frame.files.length);
        for (const at of new Set(files.map(({ at }) => at))) processesOf.set(at, (processesOf.get(at) ?? 0) + 1);
        putProcess.run(
          device,
          process.pid,
          process.parent,
          process.startedAt,
          process.user,
          process.command,
          process.container ?? null,
          JSON.stringify(files.map(({ at, note }): Mapped => (note === undefined ? [at] : [at, note]))),
          process.sinceBoot ?? null,
        );
      }
      const running = new Map<string, number>();
      for (const [at, { root, path }] of frame.files.entries()) {
        const id = fileId(device, root, path);
        const count = processesOf.get(at) ?? 0;
        putFile.run(device, at, id, path, count);
        if (count > 0) running.set(id, (running.get(id) ?? 0) + count);
      }
      for (const { id } of marked.all(device)) if (!running.has(id)) unmark.run(id);
      for (const [id, count] of running) mark.run(count, id, count);
      db.prepare("UPDATE devices SET running_at = ? WHERE id = ?").run(frame.at, device);
    },
    runningPurls: (device, root) =>
      new Set(
        db
          .prepare<[string, string], { purl: string }>(
            `SELECT DISTINCT owners.purl FROM files JOIN owners ON owners.file = files.id
             WHERE files.running > 0 AND files.device = ? AND owners.root = ?`,
          )
          .all(device, root)
          .map((row) => row.purl),
      ),
  };
}
