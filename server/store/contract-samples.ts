import type { DeviceId, Instant, Purl, Sha256 } from "@provost/shared/model/ids.ts";
import type { FileFacts, InstalledPackage } from "@provost/shared/model/inventory.ts";
import type { Basis, Standing, Verdict } from "@provost/shared/model/verdict.ts";
import type { JudgeFile, Store } from "./store.ts";

/** What the store contract puts in and takes out. */

export const device = `dev_${"1".repeat(26)}` as DeviceId;
export const other = `dev_${"2".repeat(26)}` as DeviceId;
export const deviceAt = (at: number): DeviceId => `dev_${String(at).padStart(26, "0")}` as DeviceId;
export const digit = (letter: string): Sha256 => letter.repeat(64) as Sha256;
export const hex = (number: number): Sha256 => number.toString(16).padStart(64, "0") as Sha256;
export const purl = (name: string): Purl => `pkg:deb/debian/${name}@1.0-1?arch=amd64` as Purl;

export const file = (path: string, more: Partial<FileFacts> = {}): FileFacts => ({
  path,
  root: "",
  kind: "elf",
  identity: { dev: 1, ino: 2, size: 3, ctimeMs: 4 },
  mode: 0o755,
  uid: 0,
  digest: digit("e"),
  records: [],
  seenAt: 1 as Instant,
  ...more,
});

export const record = (name: string): FileFacts["records"][number] => ({
  path: "/x",
  purl: purl(name),
  via: "dpkg-md5sums",
  role: "file",
  agrees: "yes",
});

export const installed = (name: string): InstalledPackage => ({
  purl: purl(name),
  ecosystem: "deb",
  name,
  version: "1.0-1",
  arch: "amd64",
  location: "/var/lib/dpkg",
  root: "",
});

/** One process for each list of paths, its program first. */
export function running(processes: readonly (readonly string[])[]) {
  const files = [...new Set(processes.flat())].map((path) => ({ root: "", path }));
  return {
    kind: "running" as const,
    at: 1,
    files,
    processes: processes.map((mapped, index) => ({
      pid: index + 1,
      parent: 0,
      startedAt: 1,
      uid: 0,
      user: "root",
      command: "x",
      files: mapped.map((path) => ({ at: files.findIndex((place) => place.path === path) })),
    })),
  };
}

export const judgedAs =
  (standing: Standing, basis: Basis): JudgeFile =>
  () => ({
    verdict: { standing, basis, says: `${standing}.`, chain: [], wanted: "" } as unknown as Verdict,
    trustVersion: "t",
  });
export const asUnproven = judgedAs("unproven", "none");
export const judges = [
  asUnproven,
  judgedAs("signed", "publisher"),
  judgedAs("refuted", "contradicted"),
  judgedAs("unchecked", "lapsed"),
];
export const rank = (standing: Standing): number =>
  ["refuted", "unproven", "unchecked", "signed", "proven"].indexOf(standing);

export function fill(store: Store, count: number): void {
  for (let at = 0; at < count; at += 1)
    store.inventory.putFiles(
      device,
      [file(`/f${(at * 37) % count}`, { identity: { dev: 1, ino: at, size: at % 7, ctimeMs: 1 } })],
      [],
      judges[at % judges.length] ?? asUnproven,
      at % 5,
    );
  store.inventory.putRunning(device, running([["/f1", "/f2"], ["/f1"]]));
}

export function walk<Row>(
  page: (cursor: string | undefined) => { readonly rows: readonly Row[]; readonly next?: string | undefined },
  between: () => void,
): Row[] {
  const seen: Row[] = [];
  let cursor: string | undefined;
  for (let turn = 0; turn < 1000; turn += 1) {
    const { rows, next } = page(cursor);
    seen.push(...rows);
    if (next === undefined) return seen;
    cursor = next;
    between();
  }
  throw new Error("the pages never end");
}
