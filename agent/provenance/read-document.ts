import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { pathText } from "@provost/shared/lib/path-text.ts";
import { lacksPermission } from "../commands/exit-codes.ts";

/** The whole of one regular file, if it is no larger than `maxBytes`. `what` names it in messages. A path may be its bytes. */
export function readDocument(what: string, named: string | Buffer, maxBytes: number): Buffer {
  const path = typeof named === "string" ? named : pathText(named);
  let handle: number;
  try {
    // A named pipe would wait for a writer for ever.
    handle = openSync(named, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    throw cannotOpen(what, path, cause);
  }
  try {
    const stats = fstatSync(handle);
    if (!stats.isFile())
      throw new AppError("CONFIG_INVALID", `${what} ${path} is not a regular file`, { remedy: "name a regular file" });
    if (stats.size > maxBytes) throw tooLarge(what, path, stats.size, maxBytes);
    // One byte more than allowed: a file that grows meanwhile is noticed.
    const buffer = Buffer.allocUnsafe(Math.min(stats.size, maxBytes) + 1);
    let size = 0;
    for (let read = 1; read > 0 && size < buffer.length; size += read)
      read = readSync(handle, buffer, size, buffer.length - size, size);
    if (size > maxBytes) throw tooLarge(what, path, size, maxBytes);
    return buffer.subarray(0, size);
  } catch (cause) {
    throw cause instanceof AppError ? cause : cannotOpen(what, path, cause);
  } finally {
    closeSync(handle);
  }
}

function cannotOpen(what: string, path: string, cause: unknown): AppError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  if (code === "ENOENT" || code === "ENOTDIR")
    return new AppError("NOT_FOUND", `${what} ${path} is not there`, { cause, remedy: "check the name" });
  const why = lacksPermission(cause) ? "this user may not read it" : `it cannot be read (${code})`;
  return new AppError("UNREADABLE", `${what} ${path}: ${why}`, { cause, remedy: "run as a user who may read it" });
}

const tooLarge = (what: string, path: string, size: number, maxBytes: number): AppError =>
  new AppError("LIMIT", `${what} ${path} has ${size} bytes, and no more than ${maxBytes} are read`, {
    remedy: "name the document itself, not what it is about",
  });
