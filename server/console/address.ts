import { writeFilter } from "./data/filter.ts";
import {
  deviceFields,
  executableFields,
  packageFields,
  type DeviceFilter,
  type ExecutableFilter,
  type PackageFilter,
} from "./data/list-filters.ts";

/** Where each page is. Plain addresses: every row is an ordinary link that opens in a new tab as one expects. */
export const address = {
  overview: (): string => "/",
  devices: (filter: DeviceFilter = {}): string => withSearch("/devices", writeFilter(deviceFields, filter)),
  device: (id: string): string => `/devices/${encodeURIComponent(id)}`,
  executables: (filter: ExecutableFilter = {}): string =>
    withSearch("/executables", writeFilter(executableFields, filter)),
  executable: (id: string): string => `/executables/${encodeURIComponent(id)}`,
  packages: (filter: PackageFilter = {}): string => withSearch("/packages", writeFilter(packageFields, filter)),
  package: (purl: string): string => withSearch("/package", { purl }),
};

function withSearch(path: string, search: Record<string, string>): string {
  const query = new URLSearchParams(search);
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}
