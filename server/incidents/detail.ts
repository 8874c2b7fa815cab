import type { DetectedFinding, LineageProcess } from "@provost/shared/model/detection.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { detectionRow } from "../detection/detection-row.ts";
import type { Store } from "../store/store.ts";
import { blastOf } from "./blast.ts";
import { planFor, treeOf } from "./story.ts";

const mostFindings = 200;
const aroundMs = 60_000;
/** Programs of one incident that are looked for in the inventory. */
const mostLinked = 100;

/** Everything a person reads about one incident, in one answer. */
export function incidentDetail(id: string, store: Store): Answer<"incident"> | undefined {
  const incident = store.incidents.one(id);
  if (incident === undefined) return undefined;
  const device = store.inventory.device(incident.device);
  const name = device?.name ?? incident.device;
  const findings = store.detections.ofIncident(id, mostFindings);
  const commands = store.commands.commands({ incident: id, limit: 100, sort: "issuedAt" }).rows;
  const blast = [...blastOf(incident, findings, store)];
  const inInventory = executablesOf(findings, incident.device, store);
  const contained = commands
    .filter(({ state, action }) => (state === "executed" || state === "verified") && action !== "undo")
    .map(({ action }) => action);
  const blind = store.incidents.blind(incident.device, incident.openedAt - aroundMs, incident.lastAt + aroundMs);
  const { terms, closedBy, closedWhy, digests: _, ...row } = incident;
  return {
    ...row,
    deviceName: name,
    techniques: [...row.techniques],
    elsewhere: store.incidents.elsewhere(incident),
    contained: [...new Set(contained)],
    terms: [...terms],
    tree: treeOf(findings).map((process) => {
      const executableId = inInventory.get(placeOf(process));
      return { ...process, findings: [...process.findings], ...(executableId === undefined ? {} : { executableId }) };
    }),
    timeline: [
      ...findings.map(({ at, level, sentence, id: ref }) => ({
        at,
        kind: "finding" as const,
        level,
        says: sentence,
        ref,
      })),
      ...commands.map(({ changedAt, says, state, by, id: ref }) => ({
        at: changedAt,
        kind: "action" as const,
        says: `${says}: ${state} (${by})`,
        ref,
      })),
      ...blind.map(({ at, says }) => ({ at, kind: "lost" as const, says })),
    ].toSorted((a, b) => a.at - b.at),
    detections: findings.map((finding) => detectionRow(finding, name, id)),
    blast,
    blind,
    suggested: planFor(incident.severity, findings).map(({ title, why, order }) => ({ title, why, order })),
    ...(closedBy === undefined ? {} : { closedBy }),
    ...(closedWhy === undefined ? {} : { closedWhy }),
  };
}

/** Where the bytes that ran lie in the inventory of their device: the same bytes at the same path, or at any other. */
function executablesOf(
  findings: readonly DetectedFinding[],
  device: string,
  store: Store,
): ReadonlyMap<string, string> {
  const ran = new Map(
    findings.flatMap(({ lineage }) => lineage).map((process) => [placeOf(process), process] as const),
  );
  return new Map(
    [...ran].slice(0, mostLinked).flatMap(([place, { executable, worth }]) => {
      if (worth?.sha256 === undefined) return [];
      const { rows } = store.read.executables({ device, digest: worth.sha256, limit: 20, sort: "path" });
      const row = rows.find(({ root, path }) => root + path === executable) ?? rows[0];
      return row === undefined ? [] : [[place, row.id] as const];
    }),
  );
}

const placeOf = ({ executable, worth }: LineageProcess): string => `${worth?.sha256 ?? ""} ${executable}`;
