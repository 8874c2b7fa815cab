import { createHash } from "node:crypto";
import type { DeviceId, Instant, Purl, Sha256 } from "../../shared/model/ids.ts";
import type { FileFacts, InstalledPackage, JudgedRecord } from "../../shared/model/inventory.ts";

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
