import { createHash } from "node:crypto";
import { purlOf, fixtureNow } from "./console-words.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { standings, type Basis, type Standing } from "@provost/shared/model/verdict.ts";
import { chainFor } from "./console-chain.ts";

export type ExecutableRow = Answer<"executables">["rows"][number];
export type DeviceRow = Answer<"devices">["rows"][number];
export type PackageRow = Answer<"packages">["rows"][number];
export type Counts = DeviceRow["running"];
export type Process = Answer<"processes">["rows"][number];

export interface Fleet {
  readonly devices: readonly DeviceRow[];
  readonly executables: readonly ExecutableRow[];
  readonly packages: readonly PackageRow[];
  readonly processes: readonly Process[];
}

/** A made-up fleet: the same numbers each time, hostile names included. */
export function buildFleet(executables: number): Fleet {
  const rows = Array.from({ length: executables }, (_, at) => executableAt(at));
  return {
    devices: deviceNames.map((name, at) => deviceAt(name, at, rows)),
    executables: rows,
    packages: Array.from({ length: 900 }, (_, at) => packageAt(at)),
    processes: processList(),
  };
}

export function countsOf(rows: readonly { standing: Standing; basis: Basis }[]): Counts {
  const counted = Object.fromEntries(standings.map((each) => [each, 0])) as Record<Standing, number>;
  const bases: Partial<Record<Basis, number>> = {};
  for (const { standing, basis } of rows) {
    counted[standing] += 1;
    bases[basis] = (bases[basis] ?? 0) + 1;
  }
  return { total: rows.length, standings: counted, bases };
}

export function executableDetail(row: ExecutableRow): Answer<"executable"> {
  return {
    ...row,
    chain: chainFor(row),
    ...(row.standing === "unchecked"
      ? { wanted: "A signed index that lists this version, or the .deb it came in." }
      : {}),
    ...(row.standing === "proven" ? { slsaLevel: 3 } : {}),
    trustVersion: "2026-11-22.1",
    judgedAt: fixtureNow - 40_000,
    identity: { Device: "254:1", Inode: "1311764", "Mode bits": row.privileged ? "4755" : "0755", Owner: "root" },
    documents: [
      {
        sha256: digestOf(`bundle of ${row.id}`),
        kind: "sigstore-bundle",
        mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
        name: "app.sigstore.json",
        about: "file",
        from: "token ci-main",
        addedAt: fixtureNow - 3_600_000,
        size: 8123,
      },
      {
        sha256: digestOf(`bill of ${row.id}`),
        kind: "cyclonedx",
        mediaType: "application/json",
        about: "package",
        from: "upstream npm",
        addedAt: fixtureNow - 7_200_000,
        size: 120_000,
      },
    ],
    processes: Array.from({ length: Math.min(row.running, 5) }, (_, at) => ({
      pid: 900 + at,
      parent: 1,
      startedAt: fixtureNow - 3_600_000 * (at + 1),
      user: "root",
      command: `${row.path.slice(0, 200)} --serve ${at}`,
    })),
    elsewhere: [1, 2, 3].map((at) => ({
      id: `exe_${at}`,
      device: `dev_${at}`,
      deviceName: deviceNames[at] ?? "",
      path: row.path,
      root: at === 3 ? "/var/lib/containers/7f3a" : "",
      standing: row.standing,
      basis: row.basis,
    })),
    history: [
      {
        digest: digestOf(`old${row.id}`),
        standing: "signed",
        basis: "publisher",
        from: fixtureNow - 9e9,
        to: fixtureNow - 2e9,
      },
      {
        digest: digestOf(`older${row.id}`),
        standing: "unchecked",
        basis: "lapsed",
        from: fixtureNow - 2e10,
        to: fixtureNow - 9e9,
      },
    ],
  };
}

const deviceNames = [
  "build-07.prague",
  "web-01",
  "web-02",
  "db-primary",
  "laptop-hana",
  "laptop-\u202ereversed",
  "ci-runner-3",
  "<img src=x onerror=alert(1)>",
  "edge-berlin-with-a-name-that-is-much-longer-than-any-column-would-like",
  "vault",
];

const verdicts: readonly (readonly [Standing, Basis, string])[] = [
  ["signed", "publisher", "The signed archive Debian 12 (bookworm) lists exactly these bytes."],
  ["proven", "source", "Built from github.com/acme/tool at commit 9f2c1e by a builder trusted for level 3."],
  ["unproven", "none", "Nothing claims these bytes."],
  ["unproven", "recorded", "Only the local package database agrees, and nobody signed it."],
  ["unchecked", "lapsed", "This version is no longer in a signed index and was not captured while it was."],
  ["unproven", "pinned", "A lockfile pins these bytes, and nobody signed them."],
  ["unproven", "generated", "Made on this device by python3.11, which is signed."],
];

const folders = [
  "/usr/bin",
  "/usr/sbin",
  "/usr/lib/x86_64-linux-gnu",
  "/opt/acme/bin",
  "/usr/local/bin",
  "/srv/app/node_modules/.bin",
];
const names = [
  "bash",
  "systemd",
  "libssl.so.3",
  "sshd",
  "containerd",
  "node",
  "python3.11",
  "git",
  "curl",
  "libc.so.6",
  "nginx",
  "postgres",
];

const hostile = [
  "/tmp/a\\x0a\\x1b[2J",
  "/tmp/\u202egpj.exe",
  "/home/hana/<script>alert(1)</script>",
  `/srv/${"deeply-nested-folder/".repeat(180)}tool`,
  `/srv/${"x".repeat(3000)}`,
  "/tmp/memfd:payload (deleted)",
];

function executableAt(at: number): ExecutableRow {
  const refuted = at % 9973 === 7 || at < 2;
  const [standing, basis, says]: readonly [Standing, Basis, string] = refuted
    ? ["refuted", "contradicted", "These bytes differ from what the signed archive lists for this path and version."]
    : (verdicts[at % 20 < 13 ? 0 : at % verdicts.length] ?? ["unproven", "none", "Nothing claims these bytes."]);
  const name = names[at % names.length] ?? "tool";
  const path = hostile[at - 2] ?? `${folders[at % folders.length]}/${name}${at < 80 ? "" : `-${at}`}`;
  const owned = basis !== "none";
  return {
    id: `exe_${at}`,
    device: `dev_${at % deviceNames.length}`,
    deviceName: deviceNames[at % deviceNames.length] ?? "",
    path,
    root: at % 17 === 0 ? "/var/lib/containers/overlay/7f3a/merged" : "",
    ...(at % 211 === 3 ? {} : { digest: digestOf(`exe${at}`) }),
    size: 4096 + ((at * 7919) % 9_000_000),
    kind: name.startsWith("lib") ? "library" : at % 9 === 0 ? "script" : "elf",
    ...(owned ? { package: purlOf(name, at % 900) } : {}),
    standing,
    basis,
    says,
    running: at % 13 === 0 ? 1 + (at % 4) : 0,
    privileged: at % 97 === 0,
    firstSeen: fixtureNow - 86_400_000 * (3 + (at % 300)),
    changedAt: fixtureNow - 60_000 * (1 + ((at * 31) % 90_000)),
  };
}

function deviceAt(name: string, at: number, rows: readonly ExecutableRow[]): DeviceRow {
  const own = rows.filter(({ device }) => device === `dev_${at}`);
  const state = at === 6 ? "hashing" : at === 4 ? "failed" : at === 2 ? "proving" : "done";
  return {
    id: `dev_${at}`,
    name,
    os: "Debian GNU/Linux 12 (bookworm)",
    kernel: "6.1.0-28-amd64",
    arch: "amd64",
    mode: at % 2 === 0 ? "block" : "record",
    tier: (["B", "P", "C", "A"] as const)[at % 4] ?? "P",
    online: at !== 3 && at !== 8,
    stopped: at === 8,
    lastSeen: fixtureNow - (at === 3 ? 7_200_000 : 2000),
    enrolledAt: fixtureNow - 86_400_000 * 12,
    packages: 640 + at * 17,
    executables: countsOf(own),
    running: countsOf(own.filter(({ running }) => running > 0).slice(0, 190)),
    scan: {
      state,
      filesSeen: 402_113 + at,
      executables: 9841,
      hashed: state === "hashing" ? 4120 : 9841,
      toHash: 9841,
      startedAt: fixtureNow - 41_000,
      ...(state === "done" || state === "failed" ? { endedAt: fixtureNow - 2000 } : {}),
      ...(state === "failed" ? { says: "The disk could not be read: input/output error in /srv." } : {}),
    },
  };
}

function packageAt(at: number): PackageRow {
  const name = names[at % names.length] ?? "tool";
  const ecosystem = at % 3 === 0 ? "deb" : at % 3 === 1 ? "npm" : "pypi";
  const proof = at % 11 === 0 ? "lapsed" : at % 29 === 0 ? "failed" : ecosystem === "deb" ? "derived" : "none";
  const executables = countsOf(
    Array.from({ length: 1 + (at % 40) }, (_, file) => ({
      standing: file % 7 === 0 ? "unproven" : "signed",
      basis: file % 7 === 0 ? "recorded" : "publisher",
    })),
  );
  return {
    purl: purlOf(name, at),
    ecosystem,
    name: at === 5 ? "\u202evil" : `${name}${at < 12 ? "" : at}`,
    version: `5.2.${at}-2+b8`,
    ...(ecosystem === "deb" ? { arch: "amd64", origin: "Debian" } : {}),
    devices: 1 + (at % 10),
    files: 40 + at,
    executables,
    proof,
    says:
      proof === "derived"
        ? "The Debian archive signed the index that lists this package and every file in it."
        : "No signed evidence about this version is held.",
  };
}

function processList(): readonly Process[] {
  return Array.from({ length: 240 }, (_, at) => {
    const [standing, basis] = verdicts[at % 9 === 4 ? 2 : at % 20 === 7 ? 1 : 0] ?? ["unproven", "none"];
    const refuted = at === 31;
    const mapped: Process["mapped"] = ["libc.so.6", "ld-linux-x86-64.so.2", "libssl.so.3"]
      .slice(0, 1 + (at % 3))
      .map((name) => ({
        executable: "exe_9",
        path: `/usr/lib/x86_64-linux-gnu/${name}`,
        standing: at % 10 === 6 ? "unproven" : "signed",
        basis: at % 10 === 6 ? "none" : "publisher",
        ...(at % 10 === 6 ? { note: "deleted since it was mapped" } : {}),
      }));
    const pid = at === 0 ? 1 : 300 + at * 3;
    return {
      pid,
      parent: at === 0 ? 0 : at % 6 === 0 ? 1 : 300 + Math.max(0, at - 1 - (at % 6 === 5 ? 2 : 0)) * 3,
      startedAt: fixtureNow - 10_000_000 + at * 20_000,
      sinceBoot: String(1_000_000_000_000 + at * 20_000_000_000),
      user: at % 4 === 0 ? "hana" : "root",
      command:
        at === 31
          ? "/usr/bin/grep -r \u001b[31mtoken /home"
          : `${names[at % names.length]} --serve --config /etc/acme/${at}.yaml`,
      executable: `exe_${at}`,
      path: `/usr/bin/${names[at % names.length]}`,
      standing: refuted ? "refuted" : standing,
      basis: refuted ? "contradicted" : basis,
      worst: refuted ? "refuted" : at % 10 === 6 ? "unproven" : standing,
      mapped,
      ...(at % 15 === 0 && at > 0 ? { container: "acme/web:2.14" } : {}),
    };
  });
}

export const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");
