import { lstatSync, readdirSync } from "node:fs";
import { hostname, release, uptime } from "node:os";
import { pathText } from "@provost/shared/lib/path-text.ts";
import { hashFile } from "../identity/hash.ts";
import type { TriageDigest, TriageFile, TriageProcess, TriageUser } from "./bundle.ts";
import type { LeftOut } from "./look.ts";
import { bytesOf, first, linesOf } from "./look.ts";

const bounds = { mounts: 5000, modules: 2000, users: 1000, schedules: 500, digests: 1000, depth: 3, entries: 20_000 };
/** A larger program would take the time of all others. */
const mostHashBytes = 512 * 1024 * 1024;

export const hostFacts = (): Readonly<Record<string, string>> => ({
  name: pathText(Buffer.from(hostname())),
  kernel: release(),
  uptimeSeconds: String(Math.round(uptime())),
  load: linesOf("/proc/loadavg")[0] ?? "",
  bootId: linesOf("/proc/sys/kernel/random/boot_id")[0] ?? "",
  tainted: linesOf("/proc/sys/kernel/tainted")[0] ?? "",
});

export const mounts = (left: LeftOut): readonly string[] =>
  first(linesOf("/proc/self/mountinfo"), bounds.mounts, "mounts", left);

export const modules = (left: LeftOut): readonly string[] =>
  first(linesOf("/proc/modules"), bounds.modules, "modules", left);

/** utmp(5): who is signed in, where the system still keeps that list. */
export function signedIn(left: LeftOut, path = "/run/utmp"): readonly TriageUser[] {
  const bytes = bytesOf(path);
  if (bytes === undefined) {
    left.add("people signed in", "this system keeps no utmp; a process's loginUid says who began it");
    return [];
  }
  const rows: TriageUser[] = [];
  for (let at = 0; at + recordBytes <= bytes.length; at += recordBytes) {
    const record = bytes.subarray(at, at + recordBytes);
    if (record.readInt16LE(0) !== userProcess) continue;
    rows.push({
      pid: record.readInt32LE(4),
      line: padded(record.subarray(8, 40)),
      user: padded(record.subarray(44, 76)),
      from: padded(record.subarray(76, 332)),
      at: record.readInt32LE(340) * 1000,
    });
  }
  return first(rows, bounds.users, "people signed in", left);
}

const recordBytes = 384;
/** USER_PROCESS in utmp.h. */
const userProcess = 7;

function padded(field: Buffer): string {
  const end = field.indexOf(0);
  return pathText(end < 0 ? field : field.subarray(0, end));
}

/** Where units and cron entries lie that an administrator, a package or an intruder adds. */
const schedulePlaces = [
  "/etc/systemd/system",
  "/etc/systemd/user",
  "/usr/local/lib/systemd",
  "/run/systemd/system",
  "/usr/lib/systemd/system",
  "/etc/crontab",
  "/etc/anacrontab",
  "/etc/cron.d",
  "/etc/cron.hourly",
  "/etc/cron.daily",
  "/etc/cron.weekly",
  "/etc/cron.monthly",
  "/var/spool/cron",
  "/etc/rc.local",
  "/etc/init.d",
];

/** The newest first: by the change time, which a program cannot set. */
export function schedules(left: LeftOut, places: readonly string[] = schedulePlaces): readonly TriageFile[] {
  const found: TriageFile[] = [];
  for (const place of places) walk(Buffer.from(place), 0, found, left);
  return first(
    found.toSorted((a, b) => b.changedAt - a.changedAt),
    bounds.schedules,
    "units and cron entries (the older ones)",
    left,
  );
}

function walk(place: Buffer, depth: number, found: TriageFile[], left: LeftOut): void {
  if (found.length >= bounds.entries) return left.add("folders of units and cron entries", "too many entries");
  try {
    const about = lstatSync(place);
    if (!about.isDirectory()) {
      found.push({
        path: pathText(place),
        size: about.size,
        mode: about.mode & 0o7777,
        uid: about.uid,
        changedAt: Math.round(about.ctimeMs),
      });
      return undefined;
    }
    if (depth >= bounds.depth) return undefined;
    for (const name of readdirSync(place, { encoding: "buffer" }))
      walk(Buffer.concat([place, Buffer.from("/"), name]), depth + 1, found, left);
    return undefined;
  } catch (cause) {
    const isAbsent = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    return isAbsent ? undefined : left.add("folders of units and cron entries", "this user may not read them");
  }
}

/** Of the bytes that run, not of what lies under their name now. */
export function digests(
  processes: readonly TriageProcess[],
  near: readonly number[],
  until: () => boolean,
  left: LeftOut,
): readonly TriageDigest[] {
  const wanted = new Set(near);
  const byPath = Map.groupBy(
    processes.filter(({ pid, executable }) => wanted.has(pid) && executable !== undefined),
    ({ executable }) => executable ?? "",
  );
  return first([...byPath], bounds.digests, "digests", left).map(([path, those]): TriageDigest => {
    const pids = those.map(({ pid }) => pid);
    if (until()) return { path, pids, why: "there was no time left" };
    const hashed = hashFile(`/proc/${pids[0]}/exe`, new Set(), { maxBytes: mostHashBytes, tries: 2 });
    return hashed.ok ? { path, pids, sha256: hashed.sha256 } : { path, pids, why: hashed.why };
  });
}
