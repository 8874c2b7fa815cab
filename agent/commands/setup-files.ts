import { chmodSync, chownSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";

/** Sets these lines in a settings file and leaves every other as it is. Whole or not at all; owner and mode stay. */
export function setSettings(path: string, values: Readonly<Record<string, string>>): void {
  let text = readIfAny(path);
  for (const [name, value] of Object.entries(values)) {
    if (/[\n\r]/.test(value)) throw new AppError("CONFIG_INVALID", `${name}: a value is one line`);
    const line = `${name} = ${value}`;
    const pattern = new RegExp(`^[ \\t]*${name}[ \\t]*=.*$`, "m");
    // A sample that is switched off is a good place.
    const sample = new RegExp(`^#[ \\t]*${name}[ \\t]*=.*$`, "m");
    if (pattern.test(text)) text = text.replace(pattern, () => line);
    else if (sample.test(text)) text = text.replace(sample, () => line);
    else text = `${text === "" || text.endsWith("\n") ? text : `${text}\n`}${line}\n`;
  }
  writeWhole(path, text, ownerOf(path));
}

/** Readable by whoever owns the folder, that is the agent. */
export function writeToken(path: string, token: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw cannot(path, cause);
  }
  const { uid, gid } = statSync(dirname(path));
  writeWhole(path, `${token}\n`, { uid, gid, mode: 0o600 });
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

function ownerOf(path: string): Owner {
  try {
    const { uid, gid, mode } = statSync(path);
    return { uid, gid, mode: mode & 0o777 };
  } catch {
    return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o640 };
  }
}

function writeWhole(path: string, text: string, { uid, gid, mode }: Owner): void {
  const made = `${path}.new`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(made, text, { mode: 0o600 });
    chmodSync(made, mode);
    if (process.getuid?.() === 0) chownSync(made, uid, gid);
    renameSync(made, path);
  } catch (cause) {
    rmSync(made, { force: true });
    throw cannot(path, cause);
  }
}

const cannot = (path: string, cause: unknown): AppError =>
  new AppError("UNREADABLE", `${path} cannot be written (${cause instanceof Error ? cause.message : String(cause)})`, {
    cause,
    remedy:
      process.getuid?.() === 0
        ? "is the disk full, or mounted read-only?"
        : "enrolling changes the system's settings: run it as root",
  });

function readIfAny(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw cannot(path, cause);
  }
}
