import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import Database from "better-sqlite3";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { serverConfig, serverSettingsFrom } from "../settings.ts";
import type { Command } from "./command.ts";
import { dataFolder } from "./data-folder.ts";

/** What lies beside the database and cannot be made again without every device noticing. `indices` and `tuf` are caches. */
const besideFolders = ["tls"];

/** `provost-server backup FILE`: SQLite's own online copy, with the few files beside the database as rows of one more table. */
export const backup: Command = async ([name, ...flags], consoleFolder) => {
  if (name === undefined || name.startsWith("--"))
    throw new AppError("CONFIG_INVALID", "backup: wanted provost-server backup FILE");
  const file = resolve(name);
  if (existsSync(file))
    throw new AppError("CONFIG_INVALID", `backup: ${file} is there already; nothing is overwritten`);
  const folder = dataFolder(flags, consoleFolder);
  const made = `${file}.part`;
  const source = new Database(join(folder, "server.sqlite"), { readonly: true, fileMustExist: true, timeout: 10_000 });
  try {
    writeFileSync(made, "", { mode: 0o600 });
    await source.backup(made);
    keepBeside(made, folder);
    renameSync(made, file);
  } catch (cause) {
    throw new AppError(
      "STATE_UNUSABLE",
      `the backup ${file} could not be written: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause, remedy: "check free space and who may write there; the server's data are as they were" },
    );
  } finally {
    source.close();
    for (const rest of [made, `${made}-wal`, `${made}-shm`, `${made}-journal`]) rmSync(rest, { force: true });
  }
  process.stdout.write(`${file}\n`);
  return 0;
};

function keepBeside(copy: string, folder: string): void {
  const db = new Database(copy);
  try {
    // One file: a copy in WAL mode would want two more beside it.
    db.pragma("journal_mode = DELETE");
    db.exec("CREATE TABLE backup_files (path TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID, STRICT");
    const put = db.prepare("INSERT INTO backup_files VALUES (?, ?)");
    for (const below of besideFolders) {
      const from = join(folder, below);
      if (existsSync(from))
        for (const one of readdirSync(from)) put.run(`${below}/${one}`, readFileSync(join(from, one)));
    }
  } finally {
    db.close();
  }
}

/** `provost-server restore FILE`: only into a folder without data, and only what is whole. */
export const restore: Command = ([name, ...flags], consoleFolder) => {
  if (name === undefined || name.startsWith("--"))
    throw new AppError("CONFIG_INVALID", "restore: wanted provost-server restore FILE");
  const file = resolve(name);
  const { folder } = serverConfig(serverSettingsFrom(flags, process.env), consoleFolder);
  const target = join(folder, "server.sqlite");
  if (existsSync(target))
    throw new AppError(
      "CONFIG_INVALID",
      `restore: ${folder} holds data already; stop the server and move the folder away first`,
    );
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  dataFolder(flags, consoleFolder);
  const made = `${target}.part`;
  try {
    writeFileSync(made, readFileSync(file), { mode: 0o600 });
    const beside = takeBeside(made, file);
    for (const { path, bytes } of beside) {
      mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
      writeFileSync(join(folder, path), bytes, { mode: 0o600 });
      chmodSync(join(folder, path), 0o600);
    }
    renameSync(made, target);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError(
      "STATE_UNUSABLE",
      `${file} could not be restored: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  } finally {
    for (const rest of [made, `${made}-wal`, `${made}-shm`, `${made}-journal`]) rmSync(rest, { force: true });
  }
  process.stdout.write(`${folder}\n`);
  return 0;
};

function takeBeside(copy: string, file: string): readonly { readonly path: string; readonly bytes: Buffer }[] {
  const broken = (why: string): AppError =>
    new AppError("STATE_UNUSABLE", `${file} is not a whole backup of a Provost server: ${why}`, {
      remedy: "take another backup; nothing was restored",
    });
  const db = new Database(copy);
  try {
    const [found] = db.pragma("quick_check", { simple: false }) as readonly { readonly quick_check: string }[];
    if (found?.quick_check !== "ok") throw broken(found?.quick_check ?? "its check gave no answer");
    const rows = db.prepare<[], { path: string; bytes: Buffer }>("SELECT path, bytes FROM backup_files").all();
    if (rows.some(({ path }) => !/^tls\/[a-z.]{1,40}$/.test(path)))
      throw broken("it names files outside the data folder");
    db.exec("DROP TABLE backup_files");
    return rows;
  } catch (cause) {
    throw cause instanceof AppError ? cause : broken(cause instanceof Error ? cause.message : String(cause));
  } finally {
    db.close();
  }
}
