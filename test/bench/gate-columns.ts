import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "../support/counting-agent.ts";
import { modes, startCounting } from "../support/counting-agent.ts";
import type { GateRoot } from "../support/gate-root.ts";
import type { TierName } from "../support/gate-sensor.ts";
import { cannotSense, endChild, printed, startSensor } from "../support/gate-sensor.ts";
import type { Programs } from "./gate-programs.ts";

/** Who watches over the execs of one turn. */
export interface Column {
  readonly name: string;
  /** Why it cannot run here; undefined where it can. */
  readonly missing: () => string | undefined;
  readonly start: (world: World) => Promise<Running>;
}

export interface World {
  readonly root: GateRoot;
  readonly programs: Programs;
}

export interface Running {
  /** What exec-timer needs to be told to be under it. */
  readonly timer: readonly string[];
  stop(): Promise<void>;
}

/** No responder outlives this: a stuck one would hang whoever asks it. */
const longestSeconds = 120;

export const nobody: Column = {
  name: "none",
  missing: () => undefined,
  start: async () => ({ timer: [], stop: async () => undefined }),
};

export const fanotifyAllow: Column = {
  name: "fanotify allow",
  missing: () => undefined,
  async start({ root, programs }) {
    const child = spawn(programs.allow, [root.path, String(longestSeconds)], { stdio: ["ignore", "pipe", "inherit"] });
    await printed(child, child.stdout, /^READY$/m, "allow-exec");
    return { timer: [], stop: () => endChild(child) };
  },
};

/** The sensor alone, with a stand-in for the agent that says yes once for each file. */
export const provost = (name: string, tier: TierName, settings: Settings): Column => ({
  name,
  missing: cannotSense,
  async start({ root, programs }) {
    const sensor = await startSensor(root, { tier });
    try {
      const agent = await startCounting(programs.counting, sensor, settings);
      const { tier: there, missing } = agent.hello;
      if ("PCBA"[there] !== tier) throw new Error(`wanted tier ${tier}, the sensor has ${"PCBA"[there]}: ${missing}`);
      return {
        timer: [],
        async stop() {
          await agent.finish();
          await endChild(sensor.child);
        },
      };
    } catch (cause) {
      await endChild(sensor.child);
      throw cause;
    }
  },
});

const telemetry = { events: 1, files: 1, syscalls: 1 };

/** As many as the goals name, and the tiers beside each other. */
export const provostColumns: readonly Column[] = [
  provost("provost record", "B", { mode: modes.record }),
  provost("provost record, full telemetry", "B", { mode: modes.record, ...telemetry }),
  provost("provost block", "B", { mode: modes.block }),
  provost("provost block, full telemetry", "B", { mode: modes.block, ...telemetry }),
  provost("provost block, libraries too", "B", { mode: modes.block, libraries: 1 }),
  provost("provost block, tier C", "C", { mode: modes.block }),
];

const sampleRules = "/usr/share/fapolicyd/sample-rules";
/** The set that its README calls known-libs, which is what its distributions ship. */
const knownLibs = ["10", "20", "21", "30", "40", "41", "42", "70", "72", "90", "95"];

export const fapolicyd: Column = {
  name: "fapolicyd enforcing",
  missing: () =>
    existsSync("/usr/sbin/fapolicyd") && existsSync(sampleRules)
      ? undefined
      : "fapolicyd is not installed: apt-get install -y --no-install-recommends fapolicyd",
  async start({ root }) {
    const staged = join(root.scratch, "fapolicyd");
    stage(root, staged);
    // Its marks are on mounts: in a mount namespace of its own it sees nothing but what is measured.
    const script = `set -e
      mount -t tmpfs tmpfs /etc/fapolicyd && cp -r "$1"/. /etc/fapolicyd
      for folder in /var/lib/fapolicyd /run/fapolicyd; do mkdir -p $folder; mount -t tmpfs tmpfs $folder; done
      exec timeout -s KILL ${longestSeconds} /usr/sbin/fapolicyd --debug-deny`;
    const child = spawn("unshare", ["--mount", "--propagation", "private", "sh", "-c", script, "sh", staged], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    await printed(child, child.stderr, /Starting to listen for events/, "fapolicyd");
    return { timer: ["--namespace", `/proc/${child.pid}/ns/mnt`], stop: () => endChild(child) };
  },
};

function stage(root: GateRoot, folder: string): void {
  if (existsSync(folder)) return;
  mkdirSync(folder, { recursive: true });
  const rules = readdirSync(sampleRules)
    .filter((name) => knownLibs.some((number) => name.startsWith(`${number}-`)))
    .toSorted()
    .map((name) => readFileSync(join(sampleRules, name), "utf8"));
  writeFileSync(join(folder, "compiled.rules"), rules.join("\n"));
  const trusted = filesBelow(root.path).map((path) => {
    const bytes = readFileSync(path);
    return `${path} ${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}\n`;
  });
  writeFileSync(join(folder, "fapolicyd.trust"), trusted.join(""));
  const config = readFileSync("/etc/fapolicyd/fapolicyd.conf", "utf8")
    .replace(/^permissive.*$/m, "permissive = 0")
    .replace(/^trust =.*$/m, "trust = file")
    .replace(/^(uid|gid) =.*$/gm, "$1 = root");
  writeFileSync(join(folder, "fapolicyd.conf"), config);
}

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** Those that can run here; why another cannot is said. */
export const runnable = (columns: readonly Column[], say: (line: string) => void): readonly Column[] =>
  columns.filter(({ name, missing }) => {
    const why = missing();
    if (why !== undefined) say(`without "${name}": ${why}`);
    return why === undefined;
  });
