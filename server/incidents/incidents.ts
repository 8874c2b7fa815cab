import { createHash } from "node:crypto";
import type { DetectedFinding, IncidentState } from "@provost/shared/model/detection.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { FindingStore } from "../detection/finding-store.ts";
import type { IncidentStore, StoredIncident } from "./incident-store.ts";
import { keysOf, opensIncident, tell } from "./story.ts";

const reopenMs = 86_400_000;
/** A device that lies, or is broken, opens no more than so many in an hour; what comes later joins the last of them. */
const perHour = 100;
/** Of so many findings an incident is told; the newest. */
const toldFindings = 500;

export interface Incidents {
  /** Stores findings and folds them; returns the incidents that changed. */
  found(findings: readonly DetectedFinding[]): readonly StoredIncident[];
  setState(id: string, state: IncidentState, by: string, why: string, now: number): StoredIncident | undefined;
}

/** Findings that belong together become one incident. */
export function openIncidents(store: IncidentStore, findings: FindingStore): Incidents {
  const last = new Map<DeviceId, string>();

  const incidentFor = (finding: DetectedFinding, keys: readonly string[]): string | undefined => {
    const known = store.byKeys(finding.device, keys, finding.at - reopenMs);
    if (known !== undefined) return known;
    if (!opensIncident(finding)) return undefined;
    const latest = last.get(finding.device);
    if (latest !== undefined && store.openedSince(finding.device, finding.at - 3_600_000) >= perHour) return latest;
    const id = `inc_${createHash("sha256").update(finding.id).digest("hex").slice(0, 20)}`;
    last.set(finding.device, id);
    return id;
  };

  const retell = (id: string, device: DeviceId): StoredIncident | undefined => {
    const all = findings.ofIncident(id, toldFindings);
    if (all.length === 0) return undefined;
    const before = store.one(id);
    const lastAt = Math.max(...all.map(({ at }) => at));
    const made: StoredIncident = {
      ...tell(all),
      id,
      device,
      // Something new in a closed story opens it again; what is contained stays so until a person looks.
      state: before === undefined || before.state === "closed" ? "open" : before.state,
      openedAt: before?.openedAt ?? Math.min(...all.map(({ at }) => at)),
      lastAt,
      findings: all.length,
    };
    store.put(made);
    return made;
  };

  return {
    found(all) {
      const changed = new Map<string, DeviceId>();
      for (const finding of findings.put(all)) {
        const keys = keysOf(finding);
        const id = incidentFor(finding, keys);
        if (id === undefined) continue;
        store.addKeys(finding.device, keys, id, finding.at);
        findings.setIncident([finding.id], id);
        changed.set(id, finding.device);
      }
      return [...changed].flatMap(([id, device]) => {
        const told = retell(id, device);
        return told === undefined ? [] : [told];
      });
    },
    setState(id, state, by, why, _now) {
      const incident = store.one(id);
      if (incident === undefined) return undefined;
      const { closedBy: _by, closedWhy: _why, ...rest } = incident;
      const moved: StoredIncident = { ...rest, state, ...(state === "closed" ? { closedBy: by, closedWhy: why } : {}) };
      store.put(moved);
      return moved;
    },
  };
}
