import { writeFilter } from "./data/filter.ts";
import {
  auditFields,
  decisionFields,
  deviceFields,
  executableFields,
  findingFields,
  incidentFields,
  packageFields,
  requestFields,
  type AuditFilter,
  type DecisionFilter,
  type DeviceFilter,
  type ExecutableFilter,
  type FindingFilter,
  type IncidentFilter,
  type PackageFilter,
  type RequestFilter,
} from "./data/list-filters.ts";

/** Where each page is. Plain addresses: every row is an ordinary link that opens in a new tab as one expects. */
export const address = {
  overview: (): string => "/",
  devices: (filter: DeviceFilter = {}): string => withSearch("/devices", writeFilter(deviceFields, filter)),
  device: (id: string): string => `/devices/${encodeURIComponent(id)}`,
  executables: (filter: ExecutableFilter = {}): string =>
    withSearch("/executables", writeFilter(executableFields, filter)),
  executable: (id: string): string => `/executables/${encodeURIComponent(id)}`,
  decisions: (filter: DecisionFilter = {}): string => withSearch("/decisions", writeFilter(decisionFields, filter)),
  findings: (filter: FindingFilter = {}): string => withSearch("/findings", writeFilter(findingFields, filter)),
  approvals: (filter: RequestFilter = {}): string => withSearch("/approvals", writeFilter(requestFields, filter)),
  incidents: (filter: IncidentFilter = {}): string => withSearch("/incidents", writeFilter(incidentFields, filter)),
  incident: (id: string): string => `/incidents/${encodeURIComponent(id)}`,
  audit: (filter: AuditFilter = {}): string => withSearch("/audit", writeFilter(auditFields, filter)),
  policies: (): string => "/policies",
  policy: (number: number): string => `/policies/${number}`,
  /** A draft that begins with the words of a published policy; without a number, with those of the newest. */
  policyDraft: (from?: number): string =>
    withSearch("/policies/draft", from === undefined ? {} : { from: String(from) }),
  packages: (filter: PackageFilter = {}): string => withSearch("/packages", writeFilter(packageFields, filter)),
  package: (purl: string): string => withSearch("/package", { purl }),
};

function withSearch(path: string, search: Record<string, string>): string {
  const query = new URLSearchParams(search);
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}
