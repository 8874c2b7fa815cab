import { auditKinds } from "@provost/shared/model/audit-kinds.ts";
import { accesses, findingKinds, outcomes } from "@provost/shared/model/gate.ts";
import { incidentStates, levels } from "@provost/shared/model/detection.ts";
import { fileKinds, ecosystemIds } from "@provost/shared/model/inventory.ts";
import { bases, standings } from "@provost/shared/model/verdict.ts";
import { manyOf, moment, oneOf, words, yesNo, type Filter } from "./filter.ts";

/** What each list may be narrowed by. Names and meaning are those of the API's queries. */
export const executableFields = {
  q: words(400),
  standing: manyOf(standings),
  basis: manyOf(bases),
  kind: manyOf(fileKinds),
  running: yesNo,
  device: words(60),
  package: words(2000),
  digest: words(64),
  sort: oneOf([
    "path",
    "-path",
    "changedAt",
    "-changedAt",
    "running",
    "-running",
    "size",
    "-size",
    "standing",
    "-standing",
  ]),
};
export type ExecutableFilter = Filter<typeof executableFields>;

export const proofStates = ["derived", "pending", "lapsed", "unsupported", "failed", "none"] as const;
export const packageFields = {
  q: words(400),
  device: words(60),
  ecosystem: manyOf(ecosystemIds),
  proof: manyOf(proofStates),
  sort: oneOf(["name", "-name", "devices", "-devices", "executables", "-executables"]),
};
export type PackageFilter = Filter<typeof packageFields>;

const byTime = oneOf(["at", "-at"]);
export const decisionFields = {
  q: words(400),
  outcome: manyOf(outcomes),
  access: manyOf(accesses),
  device: words(60),
  digest: words(64),
  sort: byTime,
};
export type DecisionFilter = Filter<typeof decisionFields>;

export const findingFields = { kind: manyOf(findingKinds), open: yesNo, device: words(60), sort: byTime };
export type FindingFilter = Filter<typeof findingFields>;

export const requestFields = { q: words(400), waiting: yesNo, device: words(60), sort: byTime };
export type RequestFilter = Filter<typeof requestFields>;

export const auditFields = {
  q: words(400),
  kind: manyOf(auditKinds),
  from: moment,
  to: moment,
  sort: oneOf(["sequence", "-sequence"]),
};
export type AuditFilter = Filter<typeof auditFields>;

export const incidentFields = {
  q: words(400),
  state: manyOf(incidentStates),
  severity: manyOf(levels),
  device: words(60),
  sort: oneOf(["lastAt", "-lastAt", "score", "-score"]),
};
export type IncidentFilter = Filter<typeof incidentFields>;

export const deviceFields = { q: words(200), sort: oneOf(["name", "-name", "lastSeen", "-lastSeen"]) };
export type DeviceFilter = Filter<typeof deviceFields>;
