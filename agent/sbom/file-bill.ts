import { basename } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { BillItem } from "@provost/shared/sbom/bill.ts";
import { readSelfClaims } from "@provost/shared/self-claims/self-claims.ts";
import { hashFile } from "../identity/hash.ts";
import { claimedOf } from "./claimed.ts";
import { withSource } from "./open-source.ts";

/** One built file: its digests, and what it says of itself. It names no folder, so that every machine writes the same. Throws UNREADABLE. */
export function fileBill(
  path: string,
  open: string | Buffer,
): { readonly subject: BillItem; readonly items: readonly BillItem[] } {
  const hashed = hashFile(open, new Set(["sha1", "sha512"]));
  if (!hashed.ok)
    throw new AppError("UNREADABLE", `${path}: ${hashed.why}`, { remedy: "name a file that can be read" });
  const ref = `sha256:${hashed.sha256}`;
  const claimed = claimedOf(withSource(open, readSelfClaims) ?? {}, ref);
  return {
    subject: {
      ref,
      kind: "file",
      name: basename(path),
      digests: [
        { algorithm: "sha256", hex: hashed.sha256 },
        ...[...hashed.others].map(([algorithm, hex]) => ({ algorithm, hex })),
      ],
      dependsOn: claimed.dependsOn,
      properties: [["provost:size", String(hashed.bytes)], ...claimed.properties],
      evidence: [],
    },
    items: claimed.items,
  };
}
