import { lstatSync, readFileSync, realpathSync, statSync } from "node:fs";
import type { Stats } from "node:fs";
import { pathBytes, pathText } from "@provost/shared/lib/path-text.ts";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { ErrorCode } from "@provost/shared/lib/app-error.ts";
import { exitCodes } from "./exit-codes.ts";
import type { ExitCode } from "./exit-codes.ts";

/** A regular file that a person named, or why there is nothing to judge under that name. */
export type Named =
  | {
      readonly ok: true;
      /** Absolute, every link followed, as path text. */
      readonly path: string;
      readonly open: Buffer;
      readonly stats: Stats;
      /** The name as given, where links led elsewhere. */
      readonly via?: string;
    }
  | Refusal;

export interface Refusal {
  readonly ok: false;
  readonly path: string;
  readonly code: ErrorCode;
  readonly exit: ExitCode;
  readonly says: string;
  readonly remedy: string;
}

export function nameFile(argument: Buffer, cwd: string): Named {
  const given = absolute(argument, cwd);
  const bytes = lstat(given) === undefined ? (absoluteFromText(argument, cwd) ?? given) : given;
  const path = pathText(bytes);
  try {
    const open = realpathSync.native(bytes, { encoding: "buffer" });
    const stats = statSync(open);
    const real = pathText(open);
    if (!stats.isFile()) return notRegular(path, stats);
    return { ok: true, path: real, open, stats, ...(real === path ? {} : { via: path }) };
  } catch (cause) {
    return cannotReach(path, cause);
  }
}

/** A folder to look below, as path text. Throws NOT_FOUND or UNREADABLE. */
export function nameFolder(argument: Buffer, cwd: string): string {
  const given = absolute(argument, cwd);
  const path = pathText(given);
  try {
    const open = realpathSync.native(given, { encoding: "buffer" });
    if (statSync(open).isDirectory()) return pathText(open);
  } catch (cause) {
    const { code, says, remedy } = cannotReach(path, cause);
    throw new AppError(code, says, { cause, remedy });
  }
  throw new AppError("NOT_FOUND", `${path} is not a folder`, { remedy: "for a single file run: provost verify FILE" });
}

/**
 * argv as bytes: Node decodes arguments as UTF-8 and loses the rest, the kernel keeps them (proc_pid_cmdline(5)). Node's own
 * options stand before ours, so ours are the last ones.
 */
export function argumentBytes(decoded: readonly string[], readCommandLine = readOwnCommandLine): readonly Buffer[] {
  const plain = decoded.map((argument) => Buffer.from(argument));
  if (!decoded.some((argument) => argument.includes("\ufffd"))) return plain;
  const all = splitAtZero(readCommandLine());
  return plain.map((argument) => all.find((raw) => raw.toString() === argument.toString()) ?? argument);
}

function readOwnCommandLine(): Buffer {
  try {
    return readFileSync("/proc/self/cmdline");
  } catch {
    return Buffer.alloc(0);
  }
}

function splitAtZero(bytes: Buffer): readonly Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0, at);
    parts.push(bytes.subarray(at, end < 0 ? bytes.length : end));
    at = end < 0 ? bytes.length : end + 1;
  }
  return parts;
}

function absolute(argument: Buffer, cwd: string): Buffer {
  const joined = argument[0] === slash ? argument : Buffer.concat([Buffer.from(`${cwd}/`), argument]);
  // Bytes, so node:path cannot do it: empty and "." segments go; ".." is left to the kernel, which knows the links.
  const parts = splitAt(joined, slash).filter((part) => part.length > 0 && !part.equals(dot));
  return Buffer.concat(parts.length === 0 ? [separator] : parts.flatMap((part) => [separator, part]));
}

/** A name as Provost prints it: `a\x0ab`. */
function absoluteFromText(argument: Buffer, cwd: string): Buffer | undefined {
  if (!argument.includes("\\")) return undefined;
  const bytes = pathBytes(argument.toString());
  const path = bytes === undefined ? undefined : absolute(Buffer.from(bytes), cwd);
  return path !== undefined && lstat(path) !== undefined ? path : undefined;
}

const slash = 0x2f;
const separator = Buffer.from("/");
const dot = Buffer.from(".");

function splitAt(bytes: Buffer, byte: number): readonly Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, from)) {
    parts.push(bytes.subarray(from, at));
    from = at + 1;
  }
  return [...parts, bytes.subarray(from)];
}

function lstat(path: Buffer): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function notRegular(path: string, stats: Stats): Refusal {
  const what = stats.isDirectory()
    ? "a folder"
    : stats.isFIFO()
      ? "a named pipe"
      : stats.isSocket()
        ? "a socket"
        : "a device";
  return {
    ok: false,
    path,
    code: "UNREADABLE",
    exit: exitCodes.usage,
    says: `${path} is ${what}, not a regular file`,
    remedy: stats.isDirectory() ? "name the files in it, or run: provost scan FOLDER" : "name a regular file",
  };
}

function cannotReach(whole: string, cause: unknown): Refusal {
  const path = whole.length > 500 ? `${whole.slice(0, 500)}…` : whole;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const base = { ok: false, path } as const;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return { ...base, code: "NOT_FOUND", exit: 2, says: `there is no file ${path}`, remedy: "check the name" };
    case "EACCES":
    case "EPERM":
      return {
        ...base,
        code: "UNREADABLE",
        exit: exitCodes.permission,
        says: `this user may not reach ${path}`,
        remedy: "run the command as a user who may, for instance with sudo",
      };
    case "ELOOP":
      return {
        ...base,
        code: "UNREADABLE",
        exit: 2,
        says: `symbolic links lead in a circle at ${path}`,
        remedy: "name the file itself",
      };
    case "ENAMETOOLONG":
      return {
        ...base,
        code: "LIMIT",
        exit: 2,
        says: `the name is longer than the kernel takes: ${path}`,
        remedy: "change to its folder and use a relative name",
      };
    default:
      return {
        ...base,
        code: "UNREADABLE",
        exit: 2,
        says: `${path} cannot be looked at (${code})`,
        remedy: "check the disk it lies on",
      };
  }
}
