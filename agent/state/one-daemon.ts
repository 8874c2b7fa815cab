import { join } from "node:path";
import Database from "better-sqlite3";
import { AppError } from "@provost/shared/lib/app-error.ts";

/**
 * One daemon a state folder: two would end each other's sessions and answer the same sensor. SQLite's lock on a file of its own goes
 * with the process that holds it, however that ends. Throws STATE_UNUSABLE. The caller closes what it gets.
 */
export function holdState(folder: string): { close(): void } {
  const lock = new Database(join(folder, "daemon.lock"), { timeout: 0 });
  try {
    lock.pragma("journal_mode = OFF");
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (cause) {
    lock.close();
    if (!(cause instanceof Error && "code" in cause && cause.code === "SQLITE_BUSY")) throw cause;
    throw new AppError("STATE_UNUSABLE", `another agent runs with the state in ${folder}`, {
      cause,
      remedy:
        "one agent a machine is enough: systemctl status provost-agent; for a second one give it a folder of its own (--state)",
    });
  }
}
