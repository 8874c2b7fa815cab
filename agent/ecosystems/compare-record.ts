import type { FileRecord, JudgedRecord } from "@provost/shared/model/inventory.ts";
import type { HashName } from "./root-view.ts";

/** The algorithms one pass over a file's bytes must feed so that each of its records can be compared. */
export const hashesNeeded = (records: readonly FileRecord[]): ReadonlySet<HashName> =>
  new Set(records.flatMap((record) => (record.expected === undefined ? [] : [record.expected.algorithm])));

/**
 * Whether a record agrees with the file's bytes. A generated file without a recorded digest answers for its header only:
 * "yes" means that it names its parent as the parent is now.
 */
export function compareRecord(record: FileRecord, hex: ReadonlyMap<HashName, string>): JudgedRecord["agrees"] {
  if (record.expected === undefined) return record.parentMatch?.agrees ?? "not-compared";
  const got = hex.get(record.expected.algorithm);
  if (got === undefined) return "not-compared";
  return got === record.expected.hex ? "yes" : "no";
}
