import type { AuditKind } from "@provost/shared/model/audit-kinds.ts";
import type { AuditStore } from "./audit-store.ts";

export interface Audit {
  note(kind: AuditKind, by: string, says: string, facts?: Readonly<Record<string, string>>): void;
}

const mostFact = 2000;

/** What is done here is written where it is done, in its own transaction: what cannot be written is not done. */
export function openAudit(store: Pick<AuditStore, "append">, now: () => number, changed: () => void): Audit {
  return {
    note(kind, by, says, facts = {}) {
      store.append({
        at: now(),
        kind,
        by: by.slice(0, 200),
        says: says.slice(0, 2000),
        facts: Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, fact.slice(0, mostFact)])),
      });
      changed();
    },
  };
}
