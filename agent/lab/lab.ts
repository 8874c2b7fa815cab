import { spawn } from "node:child_process";
import { copyFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { cgroupRoot } from "../host/process.ts";
import { isAlone } from "./alone.ts";
import { findPrograms, startParts } from "./lab-parts.ts";
import type { LabParts } from "./lab-parts.ts";
import { makeLabRoot } from "./lab-root.ts";
import type { LabRoot } from "./lab-root.ts";

export interface LabOptions {
  readonly script: string;
  readonly root?: string;
  /** A folder that the script finds as /lab/files. */
  readonly files?: string;
  readonly minutes: number;
  readonly policy?: string;
  readonly rules?: string;
  /** Where every event is written, one JSON object a line. */
  readonly log?: string;
  /** From which severity on the lab's server contains by itself. */
  readonly respond: "off" | "medium" | "high" | "critical";
  readonly serverProgram?: string;
}

export interface LabOutcome {
  readonly events: number;
  readonly findings: readonly {
    readonly rule: string;
    readonly technique: readonly string[];
    readonly severity: string;
    readonly sentence: string;
    readonly subject: unknown;
  }[];
  readonly incidents: readonly {
    readonly id: string;
    readonly severity: string;
    readonly score: number;
    readonly state: string;
    readonly sentence: string;
    readonly findings: number;
    readonly suggested: readonly string[];
  }[];
  readonly commands: readonly {
    readonly action: string;
    readonly state: string;
    readonly says: string;
    readonly why?: string;
  }[];
  /** Events that were not seen or not told. */
  readonly lost: number;
  readonly exit: number | null;
  /** What stood on the script's output, the last of it. */
  readonly output: string;
}

/** Nothing new for so long after the script's end: what it set off has come to rest. */
const quietMs = 3000;
const lookMs = 250;
const mostOutput = 65_536;

/** Throws where no lab can be had. */
export function checkLab({ script, files, rules }: Pick<LabOptions, "script" | "files" | "rules">): void {
  if (process.getuid?.() !== 0)
    throw new AppError("NOT_ALLOWED", "the lab mounts a root and asks the kernel: it needs root", {
      remedy: "sudo provost lab run ...",
    });
  if (!existsSync(script) || !statSync(script).isFile())
    throw new AppError("NOT_FOUND", `there is no script ${script}`);
  for (const folder of [files, rules])
    if (folder !== undefined && !(existsSync(folder) && statSync(folder).isDirectory()))
      throw new AppError("NOT_FOUND", `there is no folder ${folder}`);
}

/** Runs a script in a root that is thrown away, and says what Provost saw, recognised and did. Only in a network of its own: see `againAlone`. */
export async function runLab(
  options: LabOptions,
  progress: (line: string) => void,
  stop: AbortSignal,
): Promise<LabOutcome> {
  checkLab(options);
  if (!isAlone())
    throw new AppError("NOT_ALLOWED", "a lab could isolate this machine: it runs in a network of its own");
  const programs = findPrograms(options.serverProgram);
  clearLeft();
  progress("making a root");
  const root = makeLabRoot(tmpdir(), options.root);
  let parts: LabParts | undefined;
  try {
    if (options.files !== undefined) cpSync(options.files, join(root.path, "lab/files"), { recursive: true });
    copyFileSync(options.script, join(root.path, "lab/script"));
    inhabit(root);
    progress("starting server, sensor and agent");
    parts = await startParts(root, programs, {
      respond: options.respond,
      mode: "record",
      ...(options.policy === undefined ? {} : { policy: options.policy }),
      ...(options.rules === undefined ? {} : { rules: options.rules }),
    });
    progress("running the script");
    const ran = await runScript(root, options.minutes * 60_000, stop);
    progress("waiting until it is quiet");
    await quiet(parts, stop);
    if (options.log !== undefined) writeFileSync(options.log, await allEvents(parts));
    return { ...(await outcome(parts)), ...ran };
  } finally {
    await parts?.stop();
    root.remove();
  }
}

/** A root in which nothing runs is no root to the agent: something waits there from before its first look. Ended with the control group. */
function inhabit(root: LabRoot): void {
  const { pid } = spawn("chroot", [root.path, "/bin/sh", "-c", "read line"], { stdio: ["pipe", "ignore", "ignore"] });
  if (pid !== undefined) writeFileSync(join(root.cgroup, "cgroup.procs"), String(pid));
}

/**
 * In namespaces of its own: no network but loopback, no process of this machine in sight, nobody signed in, and nobody above it: whoever
 * asked for the lab would be taken for whoever started what runs in it. Its end is told over a pipe of its own.
 */
function runScript(
  root: LabRoot,
  withinMs: number,
  stop: AbortSignal,
): Promise<{ exit: number | null; output: string }> {
  const inside = `echo $$ >&9; exec 9>&-; { echo 4294967295 >/proc/self/loginuid; } 2>/dev/null; cd /root; export HOME=/root PATH=/usr/bin:/bin; /bin/sh /lab/script 3>&-; echo $? >&3`;
  const outside = `ip link set lo up; mount -t proc proc ${root.path}/proc; exec 9>${root.cgroup}/cgroup.procs; exec chroot ${root.path} /bin/sh -c '${inside}'`;
  return new Promise((resolve, reject) => {
    const child = spawn(
      "setsid",
      `--fork unshare --net --pid --mount --uts --ipc --fork --kill-child -- sh -c`.split(" ").concat(outside),
      { stdio: ["ignore", "pipe", "pipe", "pipe"], env: { PATH: process.env.PATH, LANG: process.env.LANG } },
    );
    let output = "";
    const take = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-mostOutput);
    };
    child.stdout?.on("data", take);
    child.stderr?.on("data", take);
    const end = (): void => writeFileSync(join(root.cgroup, "cgroup.kill"), "1");
    const late = setTimeout(end, withinMs);
    stop.addEventListener("abort", end);
    child.on("error", reject);
    let told = "";
    const ended = child.stdio[3] as Readable;
    ended.on("data", (chunk: Buffer) => (told += chunk.toString()));
    // What it left in the background keeps the other pipes open: its own end is what counts.
    ended.on("end", () => {
      clearTimeout(late);
      stop.removeEventListener("abort", end);
      const exit = /^\d+\n/.test(told) ? Number.parseInt(told, 10) : null;
      resolve({ exit: exit === null || exit > 128 ? null : exit, output });
    });
  });
}

interface Page<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
}
interface CommandRow {
  readonly action: string;
  readonly state: string;
  readonly says: string;
  readonly why?: string;
}

async function quiet(parts: LabParts, stop: AbortSignal): Promise<void> {
  let seen = "";
  for (let since = Date.now(); Date.now() - since < quietMs && !stop.aborted;) {
    const [events, found, ordered] = (await Promise.all([
      parts.api("/api/v1/events?limit=1"),
      parts.api("/api/v1/detections?limit=1"),
      parts.api("/api/v1/commands?limit=500"),
    ])) as [Page<unknown>, Page<unknown>, Page<CommandRow>];
    const busy = ordered.rows.some(({ state }) => state === "issued" || state === "accepted");
    const now = `${events.total} ${found.total} ${ordered.rows.map(({ state }) => state).join(" ")}`;
    if (busy || now !== seen) since = Date.now();
    seen = now;
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

/** The oldest first, as a rule meets them. */
async function allEvents(parts: LabParts): Promise<string> {
  const lines: string[] = [];
  for (let cursor = ""; ;) {
    const page = (await parts.api(`/api/v1/events?limit=500&sort=at${cursor}`)) as Page<unknown> & {
      readonly next?: string;
    };
    lines.push(...page.rows.map((row) => `${JSON.stringify(row)}\n`));
    if (page.next === undefined) return lines.join("");
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
}

async function outcome(parts: LabParts): Promise<Omit<LabOutcome, "exit" | "output">> {
  const [events, found, stories, ordered, devices] = (await Promise.all([
    parts.api("/api/v1/events?limit=1"),
    parts.api("/api/v1/detections?limit=500&sort=at"),
    parts.api("/api/v1/incidents?limit=500"),
    parts.api("/api/v1/commands?limit=500&sort=issuedAt"),
    parts.api("/api/v1/devices?limit=1"),
  ])) as [
    Page<unknown>,
    Page<{ rule: { id: string }; techniques: string[]; level: string; sentence: string; subject: unknown }>,
    Page<{ id: string }>,
    Page<CommandRow>,
    Page<{ id: string }>,
  ];
  const details = (await Promise.all(stories.rows.map(({ id }) => parts.api(`/api/v1/incidents/${id}`)))) as {
    id: string;
    severity: string;
    score: number;
    state: string;
    sentence: string;
    findings: number;
    suggested: { title: string }[];
  }[];
  const device = devices.rows[0];
  const health =
    device === undefined
      ? undefined
      : ((await parts.api(`/api/v1/devices/${device.id}`)) as { health: { lostFrames: number } });
  return {
    events: events.total,
    findings: found.rows.map(({ rule, techniques, level, sentence, subject }) => ({
      rule: rule.id,
      technique: techniques,
      severity: level,
      sentence,
      subject,
    })),
    incidents: details.map(({ id, severity, score, state, sentence, findings, suggested }) => ({
      id,
      severity,
      score,
      state,
      sentence,
      findings,
      suggested: suggested.map(({ title }) => title),
    })),
    commands: ordered.rows.map(({ action, state, says, why }) => ({
      action,
      state,
      says,
      ...(why === undefined ? {} : { why }),
    })),
    lost: health?.health.lostFrames ?? 0,
  };
}

/** A lab that was killed leaves a mount and a group behind; nobody else has folders of this name. */
function clearLeft(): void {
  const groups = cgroupRoot();
  for (const name of readdirSync(tmpdir()).filter((one) => /^provost-lab-\w{6}$/.test(one))) {
    const group = groups === undefined ? undefined : join(groups, name);
    const lives = group !== undefined && existsSync(group) && readFileSync(join(group, "cgroup.procs"), "utf8") !== "";
    const age = Date.now() - statSync(join(tmpdir(), name)).mtimeMs;
    if (lives || age < 3_600_000) continue;
    spawn("umount", ["-l", join(tmpdir(), name, "root")]).on("exit", () =>
      rmSync(join(tmpdir(), name), { recursive: true, force: true }),
    );
  }
}
