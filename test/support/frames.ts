import { createHash } from "node:crypto";
import type { DeviceId, Instant, Purl, Sha256 } from "../../shared/model/ids.ts";
import type { FileFacts, InstalledPackage, JudgedRecord } from "../../shared/model/inventory.ts";
import type { AlarmsFrame, DecisionsFrame, RequestFrame } from "../../shared/protocol/frames.ts";

export const digestOf = (text: string): Sha256 => createHash("sha256").update(text).digest("hex") as Sha256;

export const purlOf = (name: string, version = "1.0-1", arch = "amd64"): Purl =>
  `pkg:deb/debian/${name}@${version}?arch=${arch}` as Purl;

export const packageNamed = (name: string, more: Partial<InstalledPackage> = {}): InstalledPackage => ({
  purl: purlOf(name),
  ecosystem: "deb",
  name,
  version: "1.0-1",
  arch: "amd64",
  origin: "Forge",
  location: "/var/lib/dpkg",
  root: "",
  ...more,
});

export const recordOf = (path: string, name: string, more: Partial<JudgedRecord> = {}): JudgedRecord => ({
  path,
  purl: purlOf(name),
  via: "dpkg-md5sums",
  role: "file",
  agrees: "yes",
  ...more,
});

export const factsOf = (path: string, more: Partial<FileFacts> = {}): FileFacts => ({
  path,
  root: "",
  kind: "elf",
  identity: { dev: 1, ino: 2, size: 3, ctimeMs: 4.5 },
  mode: 0o755,
  uid: 0,
  digest: digestOf(path),
  records: [],
  seenAt: 5 as Instant,
  ...more,
});

export const filesFrame = (upserts: readonly FileFacts[], gone: readonly { root: string; path: string }[] = []) => ({
  kind: "files" as const,
  upserts: [...upserts],
  gone: [...gone],
});

export const packagesFrame = (
  upserts: readonly InstalledPackage[],
  gone: readonly { purl: Purl; location: string; root: string }[] = [],
) => ({ kind: "packages" as const, upserts: [...upserts], gone: [...gone] });

export const lostFrame = (count = 1) => ({
  kind: "lost" as const,
  lane: "telemetry" as const,
  count,
  why: "test",
  at: 1,
});

export const deviceIdOf = (number: number): DeviceId => `dev_${String(number).padStart(26, "0")}` as DeviceId;

type GateDecision = DecisionsFrame["items"][number];

export const decisionOf = (path: string, more: Partial<GateDecision> = {}): GateDecision => ({
  at: 1000,
  code: digestOf(path).slice(0, 6),
  path,
  root: "",
  sha256: digestOf(path),
  access: "exec",
  process: { pid: 7, startedAt: 900, uid: 1000, loginUid: 1000, executable: "/bin/bash", command: "bash -i" },
  allowed: false,
  action: "block",
  cause: "requirement",
  rule: "built-somewhere",
  why: '"built-somewhere" wants it proven, and it is unproven. Nothing claims it.',
  policy: 3,
  mode: "block",
  tier: "B",
  standing: "unproven",
  basis: "none",
  count: 1,
  ...more,
});

export const alarmOf = (
  kind: AlarmsFrame["items"][number]["kind"],
  more: Partial<AlarmsFrame["items"][number]> = {},
): AlarmsFrame["items"][number] => ({ at: 1000, kind, says: `This is ${kind}.`, facts: { pid: "7" }, ...more });

export const requestOf = (path: string, more: Partial<RequestFrame> = {}): RequestFrame => ({
  kind: "request",
  code: digestOf(path).slice(0, 6),
  sha256: digestOf(path),
  path,
  root: "",
  uid: 1000,
  user: "kim",
  reason: "built by hand",
  at: 1000,
  ...more,
});
