import { randomUUID } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { AppError } from "@provost/shared/lib/app-error.ts";

/** All of it or nothing: a reader never meets half a document, and a link in its place is replaced, not followed. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const beside = `${path}.${randomUUID()}.part`;
  try {
    writeFileSync(beside, bytes, { flag: "wx", mode: 0o644 });
    renameSync(beside, path);
  } catch (cause) {
    rmSync(beside, { force: true });
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new AppError("NOT_FOUND", `${path} cannot be written: its folder is not there`, {
        cause,
        remedy: "make the folder first",
      });
    throw new AppError("UNREADABLE", `${path} cannot be written (${code})`, {
      cause,
      remedy: "check the folder, its owner and its free space, or choose another with --output",
    });
  }
}
