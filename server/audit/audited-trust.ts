import type { Store } from "../store/store.ts";
import type { TrustStore } from "../trust/trust-store.ts";
import type { Audit } from "./audit.ts";

/** Where trust documents are published: with their entry in the audit, or not at all. */
export const auditedTrust = (
  { trust, inventory }: Pick<Store, "trust" | "inventory">,
  audit: Pick<Audit, "note">,
): TrustStore => ({
  ...trust,
  publish: (record, document) =>
    inventory.transaction(() => {
      trust.publish(record, document);
      audit.note("trust", record.by, `Published a trust document: ${record.why}`, { version: record.version });
    }),
});
