import type { Answer } from "@provost/shared/protocol/api.ts";
import type { Basis, Standing } from "@provost/shared/model/verdict.ts";
import type { PolicySource } from "@provost/shared/model/published-policy.ts";
import type { ScanFrame } from "@provost/shared/protocol/frames.ts";

/** Rows as they rest, and as the API shows them. */

export type Counts = Answer<"overview">["executables"];
export type ExecutableRow = Answer<"executables">["rows"][number];
export type DeviceRow = Answer<"devices">["rows"][number];
export type PackageRow = Answer<"packages">["rows"][number];

export interface StoredDevice {
  /** How it left, where it did: in order (closed, asked) or not. */
  readonly leaving: string | null;
  readonly id: string;
  readonly name: string;
  readonly enrolled_at: number;
  readonly last_seen: number;
  readonly frame: string | null;
  readonly scan: string | null;
  readonly health: string | null;
}
export type DeviceFrame = Pick<DeviceRow, "os" | "kernel" | "arch" | "mode" | "tier"> & {
  readonly facts: Record<string, string>;
  readonly groups?: readonly string[];
  readonly policy?: { readonly number: number; readonly from: PolicySource; readonly fault?: string };
};
export interface HealthFrame {
  readonly agentVersion: string;
  readonly rssBytes: number;
  readonly cpuShare: number;
  readonly spooledFrames: number;
  readonly spooledBytes: number;
  readonly at: number;
}
export interface FileRow {
  readonly n: number;
  readonly id: string;
  readonly device: string;
  readonly device_name: string;
  readonly root: string;
  readonly path: string;
  readonly kind: ExecutableRow["kind"];
  readonly digest: string | null;
  readonly size: number;
  readonly mode: number;
  readonly package: string | null;
  readonly standing: Standing;
  readonly basis: Basis;
  readonly rank: number;
  readonly says: string;
  readonly trust_version: string;
  readonly judged_at: number;
  readonly first_seen: number;
  readonly changed_at: number;
  readonly running: number;
}
export interface StoredProcess {
  readonly pid: number;
  readonly parent: number;
  readonly started_at: number;
  readonly since_boot: string | null;
  readonly user: string;
  readonly command: string;
  readonly container: string | null;
  readonly files: string;
}
export interface StoredHistory {
  readonly digest: string | null;
  readonly standing: Standing;
  readonly basis: Basis;
  readonly from_at: number;
  readonly to_at: number;
}
export interface StoredPackage {
  readonly purl: string;
  readonly ecosystem: PackageRow["ecosystem"];
  readonly name: string;
  readonly version: string;
  readonly arch: string | null;
  readonly origin: string | null;
  readonly devices: number;
  /** As `proofRank` numbers them. */
  readonly proof: number;
  readonly proof_says: string;
}

/** Every device, with how it left. */
export const devicesSql =
  "(SELECT devices.*, presence.leaving FROM devices LEFT JOIN presence ON presence.device = devices.id)";
export const leftInOrder = ({ leaving }: StoredDevice): boolean => leaving === "closed" || leaving === "asked";

/** Worst first, as an analyst reads a list. */
export const rankOf: Record<Standing, number> = { refuted: 0, unproven: 1, unchecked: 2, signed: 3, proven: 4 };

export function countsOf(
  rows: readonly { readonly standing: Standing; readonly basis: Basis; readonly n: number }[],
): Counts {
  const byStanding: Record<Standing, number> = { proven: 0, signed: 0, unproven: 0, refuted: 0, unchecked: 0 };
  const byBasis: Partial<Record<Basis, number>> = {};
  let total = 0;
  for (const { standing, basis, n } of rows) {
    byStanding[standing] += n;
    byBasis[basis] = (byBasis[basis] ?? 0) + n;
    total += n;
  }
  return { total, standings: byStanding, bases: byBasis };
}

const setIdBits = 0o6000;

export const executableRow = (row: FileRow): ExecutableRow => ({
  id: row.id,
  device: row.device,
  deviceName: row.device_name,
  path: row.path,
  root: row.root,
  ...(row.digest === null ? {} : { digest: row.digest }),
  size: row.size,
  kind: row.kind,
  ...(row.package === null ? {} : { package: row.package }),
  standing: row.standing,
  basis: row.basis,
  says: row.says,
  running: row.running,
  privileged: (row.mode & setIdBits) !== 0,
  firstSeen: row.first_seen,
  changedAt: row.changed_at,
});

export function scanOf(row: StoredDevice): DeviceRow["scan"] {
  if (row.scan === null) return { state: "never", filesSeen: 0, executables: 0, hashed: 0, toHash: 0 };
  const frame = JSON.parse(row.scan) as ScanFrame;
  return {
    state: frame.state,
    filesSeen: frame.filesSeen,
    executables: frame.executables,
    hashed: frame.hashed,
    toHash: frame.toHash,
    startedAt: frame.startedAt,
    ...(frame.endedAt === undefined ? {} : { endedAt: frame.endedAt }),
    ...(frame.says === undefined ? {} : { says: frame.says }),
  };
}

/**
 * Of a package on many devices the state that still wants attention is shown: what failed on one device stands before what
 * was derived on another.
 */
export const proofStates = ["failed", "lapsed", "unsupported", "pending", "derived", "none"] as const;

export const packageRow = (row: StoredPackage, executables: Counts): PackageRow => ({
  purl: row.purl,
  ecosystem: row.ecosystem,
  name: row.name,
  version: row.version,
  ...(row.arch === null ? {} : { arch: row.arch }),
  ...(row.origin === null ? {} : { origin: row.origin }),
  devices: row.devices,
  files: executables.total,
  executables,
  proof: proofStates[row.proof] ?? "none",
  says: row.proof_says,
});
