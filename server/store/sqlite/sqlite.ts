import type { Store } from "../store.ts";
import { openAccess } from "./access.ts";
import { openAuditStore } from "./audit.ts";
import { openAttested } from "./attested.ts";
import { openCommands } from "./commands.ts";
import { openEvents } from "./events.ts";
import { openBaseline, openFindings } from "./findings.ts";
import { openIncidentStore } from "./incidents.ts";
import { openEvidence } from "./evidence.ts";
import { openGate } from "./gate.ts";
import { openInventory } from "./inventory.ts";
import { openLibrary } from "./library.ts";
import { openMachineTokens } from "./machine-tokens.ts";
import { openManifests } from "./manifests.ts";
import { openDatabase } from "./open.ts";
import { openPolicyStore } from "./policies.ts";
import { openPulls } from "./pulls.ts";
import { openRead } from "./read.ts";
import { openTriage } from "./triage.ts";
import { openTrustStore } from "./trust.ts";

/** The embedded engine: everything in one file of `folder`. */
export function sqliteStore(folder: string): Store {
  const db = openDatabase(folder);
  const evidence = openEvidence(db);
  return {
    access: openAccess(db),
    inventory: openInventory(db),
    read: openRead(db),
    evidence,
    library: openLibrary(db, evidence),
    machines: openMachineTokens(db),
    pulls: openPulls(db),
    manifests: openManifests(db),
    trust: openTrustStore(db),
    attested: openAttested(db),
    gate: openGate(db),
    events: openEvents(db),
    commands: openCommands(db),
    triage: openTriage(db),
    audit: openAuditStore(db),
    detections: openFindings(db),
    baseline: openBaseline(db),
    incidents: openIncidentStore(db),
    policies: openPolicyStore(db),
    close: () => db.close(),
  };
}
