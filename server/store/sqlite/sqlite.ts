import type { Store } from "../store.ts";
import { openAccess } from "./access.ts";
import { openEvidence } from "./evidence.ts";
import { openInventory } from "./inventory.ts";
import { openManifests } from "./manifests.ts";
import { openDatabase } from "./open.ts";
import { openRead } from "./read.ts";

/** The embedded engine: everything in one file of `folder`. */
export function sqliteStore(folder: string): Store {
  const db = openDatabase(folder);
  return {
    access: openAccess(db),
    inventory: openInventory(db),
    read: openRead(db),
    evidence: openEvidence(db),
    manifests: openManifests(db),
    close: () => db.close(),
  };
}
