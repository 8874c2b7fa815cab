import { hash } from "node:crypto";
import { base64Bytes } from "../lib/strict-base64.ts";
import type { Purl, Sha256 } from "../model/ids.ts";
import type { FileRecord } from "../model/inventory.ts";

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

/** A pin as npm writes it (Subresource Integrity 3.5); several are kept apart by spaces. */
function sha512Of(integrity: string): string | undefined {
  const [found] = integrity.split(/\s+/).filter((one) => one.startsWith("sha512-"));
  const bytes = base64Bytes(found?.slice("sha512-".length).split("?")[0] ?? "");
  return bytes?.length === 64 ? Buffer.from(bytes).toString("hex") : undefined;
}
