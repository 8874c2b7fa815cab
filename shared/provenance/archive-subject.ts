import { hash } from "node:crypto";
import { base64Bytes } from "../lib/strict-base64.ts";
import type { Purl, Sha256 } from "../model/ids.ts";
import type { FileRecord } from "../model/inventory.ts";
import { parsePurl } from "../ecosystems/purl.ts";
import type { PackageName, Subject } from "./subject.ts";

/** An archive as one device read it. What documents establish about it is kept under `key`. */
export interface ArchiveSubject {
  readonly key: Sha256;
  readonly sha256: Sha256;
  readonly sha512?: string;
  readonly purl?: Purl;
}

/**
 * The archive that a record rests on. Its key covers all that the device says of it: a device that lies about one of the digests,
 * or about whose archive it is, gets a key of its own and changes no other device's verdicts.
 */
export function archiveSubject({ pinnedBy }: Pick<FileRecord, "pinnedBy">): ArchiveSubject | undefined {
  if (pinnedBy?.archive === undefined) return undefined;
  const { archive: sha256, purl, integrity } = pinnedBy;
  const sha512 = sha512Of(integrity);
  const key = hash("sha256", ["archive", sha256, sha512 ?? "", purl ?? ""].join("\n"), "hex") as Sha256;
  return {
    key,
    sha256,
    ...(sha512 === undefined ? {} : { sha512 }),
    ...(purl === undefined ? {} : { purl }),
  };
}

/** The same as a question to the engine: what the device told of the archive has to agree with what documents say. */
export function asSubject({ sha256, sha512, purl }: Omit<ArchiveSubject, "key">): Subject {
  const known = purl === undefined ? undefined : packageOf(purl);
  return {
    sha256,
    ...(sha512 === undefined ? {} : { sha512 }),
    ...(known === undefined ? {} : { package: known }),
  };
}

function packageOf(purl: Purl): PackageName | undefined {
  const read = parsePurl(purl);
  if (read === undefined || read.version === undefined) return undefined;
  if (read.type !== "npm" && read.type !== "pypi") return undefined;
  const name = read.namespace === undefined ? read.name : `${read.namespace}/${read.name}`;
  return { ecosystem: read.type, name, version: read.version };
}

/** A pin as npm writes it (Subresource Integrity 3.5); several are kept apart by spaces. */
function sha512Of(integrity: string): string | undefined {
  const [found] = integrity.split(/\s+/).filter((one) => one.startsWith("sha512-"));
  const bytes = base64Bytes(found?.slice("sha512-".length).split("?")[0] ?? "");
  return bytes?.length === 64 ? Buffer.from(bytes).toString("hex") : undefined;
}
