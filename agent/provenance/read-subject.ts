import { hash } from "node:crypto";
import { basename } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { pathText } from "@provost/shared/lib/path-text.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { unreadable } from "@provost/shared/provenance/refusal.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import { hashFile } from "../identity/hash.ts";
import { readDocument } from "./read-document.ts";

/** A file as a question to the engine: its digests now, and its bytes only if a format asks for them. Throws UNREADABLE. */
export function readSubject(named: string | Buffer, more: Partial<Subject> = {}): Subject {
  const path = typeof named === "string" ? named : pathText(named);
  const hashed = hashFile(named, new Set(["sha512"]));
  if (!hashed.ok) throw cannotRead(path, hashed.why);
  const sha512 = hashed.others.get("sha512");
  const known = {
    sha256: hashed.sha256,
    ...(sha512 === undefined ? {} : { sha512 }),
    name: basename(path),
    ...more,
  };
  if (hashed.bytes > maxSubjectBytes) return known;
  let held: Uint8Array | undefined;
  return {
    ...known,
    get bytes() {
      held ??= sameBytes(named, hashed.sha256);
      return held;
    },
  };
}

/** Signatures over the bytes themselves (OpenPGP, minisign, Ed25519) are checked on files up to this size. */
export const maxSubjectBytes = 256 * 1024 * 1024;

/** The bytes that were hashed: a file may have changed since, and then it is read no further. */
function sameBytes(path: string | Buffer, sha256: Sha256): Uint8Array {
  const bytes = readDocument("the file", path, maxSubjectBytes);
  if (hash("sha256", bytes, "hex") !== sha256) throw unreadable("the file changed while it was verified");
  return bytes;
}

function cannotRead(path: string, why: string): AppError {
  if (why === "it is gone")
    return new AppError("NOT_FOUND", `the file ${path} is not there`, { remedy: "check the name" });
  const denied = why === "this user may not read it";
  return new AppError(denied ? "UNREADABLE" : "CONFIG_INVALID", `the file ${path} cannot be verified: ${why}`, {
    remedy: denied ? "run as a user who may read it" : "name a regular file",
  });
}
