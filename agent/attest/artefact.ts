import { AppError } from "@provost/shared/lib/app-error.ts";
import { basename } from "node:path";
import { readSubject } from "../provenance/read-subject.ts";

/** A file that is attested, and what lies in it where that was asked. */
export interface Artefact {
  readonly path: string;
  readonly named: Named;
  readonly inside: readonly Named[];
}

/** A subject of a statement: a name for people, and the digests that count. */
export interface Named {
  readonly name: string;
  readonly sha256: string;
  readonly sha512?: string;
}

/** Throws where the file cannot be read, or, with `contents`, where it is no archive that can be read whole. */
export async function readArtefact(path: string, contents: boolean, stop: AbortSignal): Promise<Artefact> {
  const { sha256, sha512 } = readSubject(path);
  const named = { name: basename(path), sha256, ...(sha512 === undefined ? {} : { sha512 }) };
  return { path, named, inside: contents ? await filesInside(path, named, stop) : [] };
}

/** Each file by the archive's name and its own: "app.tgz!package/index.js". */
async function filesInside(path: string, archive: Named, stop: AbortSignal): Promise<readonly Named[]> {
  const { archiveOnDisk } = await import("../provenance/archive-contents.ts");
  const read = await archiveOnDisk(path, { digests: ["sha512"], signal: stop });
  if (!read.ok)
    throw new AppError("CONFIG_INVALID", `${path}: what lies in it cannot be listed: ${read.why}`, {
      remedy: "leave --contents out, or name a tar, zip, deb, rpm or gem",
    });
  if (read.contents.sha256 !== archive.sha256)
    throw new AppError("UNREADABLE", `${path} changed while it was being read`, {
      remedy: "attest it once it is finished",
    });
  return read.contents.entries.flatMap((entry) => {
    if (entry.kind !== "file" && entry.kind !== "hard-link") return [];
    const inner = entry.part === undefined ? entry.path : `${entry.part}/${entry.path}`;
    const sha512 = entry.digests.sha512;
    return [{ name: `${archive.name}!${inner}`, sha256: entry.sha256, ...(sha512 === undefined ? {} : { sha512 }) }];
  });
}
