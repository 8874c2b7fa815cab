import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import type { SensorRecord } from "../../shared/model/event.ts";
import { bootKernel, programFiles } from "../kernels/boot.ts";
import { cannotBoot, debianKernel, type KernelVersion } from "../kernels/debian-kernel.ts";
import type { Attack, Need, Place } from "./attack.ts";
import { placePayloads } from "./payloads.ts";
import { buildPrograms, type Programs } from "./programs.ts";
import { makeAttackRoot, xfsMaker, type AttackRoot } from "./root.ts";
import { rowOf, type Mode, type Row } from "./rows.ts";
import { chosenFrom, type Choice, type Found } from "./suite.ts";
import { sensorProgram } from "./watch.ts";

const client = join(import.meta.dirname, "../../agent/sensors/linux/native/build/sensor-client");

/** Why no virtual machine can be attacked here; undefined where one can. */
export const cannotAttackMachine = (): string | undefined =>
  cannotBoot() ?? (fs.existsSync(client) ? undefined : "the sensor was not built here: npm run sensor");

/** One run of an attack that was made ready. */
interface Ready {
  readonly attack: Attack;
  readonly places: Readonly<Record<Mode, Place>>;
}

/** Every attack at a tier, in a virtual machine with one of Debian's kernels: the only place for tier A, and for what reaches a whole kernel. */
export async function attackMachine(
  choice: Omit<Choice, "tier"> & { readonly tier: Row["tier"]; readonly version: KernelVersion },
): Promise<Found> {
  const programs = buildPrograms(join(choice.scratch, "programs"));
  const root = makeAttackRoot(choice.scratch, programs, "small");
  const image = join(choice.scratch, "image");
  const has = new Set<Need>([...root.has, "modules"]);
  const chosen = chosenFrom(choice.only);
  const able = chosen.filter(({ needs }) => (needs ?? []).every((need) => has.has(need)));
  const skipped = chosen
    .filter((attack) => !able.includes(attack))
    .map(({ name, needs }) => ({
      attack: name,
      tier: choice.tier,
      why: `the machine has no ${needs?.find((need) => !has.has(need))}`,
    }));
  let ready: readonly Ready[];
  try {
    ready = await Promise.all(
      able.map(async (attack) => prepare(attack, root, programs, await moduleOf(choice.version))),
    );
    execFileSync("mount", ["-o", "remount,ro", root.gate.path]);
    fs.copyFileSync(join(root.gate.scratch, "image"), image);
  } finally {
    root.remove();
  }
  const parts = [ready.filter(({ attack }) => !attack.wholeMachine), ready.filter(({ attack }) => attack.wholeMachine)];
  const found: Found[] = [];
  for (const part of parts)
    if (part.length > 0) found.push(await attackIn(choice, part, root.allowed, programs, image));
  return {
    rows: found.flatMap(({ rows }) => rows),
    skipped: [...skipped, ...found.flatMap((one) => one.skipped)],
  };
}

/** Either what stays in its root, or what reaches the whole kernel: then nothing of the machine is out of scope. */
async function attackIn(
  choice: Parameters<typeof attackMachine>[0],
  ready: readonly Ready[],
  allowed: ReadonlySet<string>,
  programs: Programs,
  image: string,
): Promise<Found> {
  // Two rows want a disk that shares blocks.
  const disk = ready.some(({ attack }) => attack.needs?.includes("shared-blocks")) ? xfsMaker : undefined;
  const whole = ready.some(({ attack }) => attack.wholeMachine) ? "yes" : "no";
  const { lines, console } = await bootKernel({
    version: choice.version,
    script: `TIER=${choice.tier}\nWHOLE=${whole}\n${fs.readFileSync(join(import.meta.dirname, "machine.sh"), "utf8")}`,
    modules: disk === undefined ? [] : ["xfs"],
    within: 3600,
    files: {
      ...(await programFiles(sensorProgram, "/bin/provost-sensor")),
      ...(await programFiles(client, "/bin/sensor-client")),
      ...(disk === undefined ? {} : await programFiles(disk, "/bin/mkfs.xfs")),
      "/bin/enter": { from: join(programs.folder, "enter") },
      "/image": { from: image },
      "/allowed": { bytes: [...allowed, ""].join("\n") },
      "/list": { bytes: ready.map(listed).join("") },
      ...Object.fromEntries(ready.map(({ attack }) => [`/runs/${attack.name}`, { bytes: attack.run }])),
    },
  });
  const found = read(lines, ready, choice);
  if (found.rows.length === 0)
    throw new Error(`the machine told of no attack:\n${lines.slice(-20).join("\n")}\n${console.slice(-2000)}`);
  return found;
}

/** Payloads for both modes: what one changes the other must not find. */
function prepare(attack: Attack, root: AttackRoot, programs: Programs, module: Buffer): Ready {
  const begin = `/p/${attack.name}-${randomBytes(3).toString("hex")}`;
  const place = (mode: Mode): Place => {
    const token = randomBytes(16).toString("hex");
    const folder = `${begin}-${mode}`;
    placePayloads(programs.folder, join(root.gate.path, folder), token);
    if (attack.needs?.includes("modules")) fs.writeFileSync(join(root.gate.path, folder, "module.ko"), module);
    return { folder, token, good: root.allowed };
  };
  return { attack, places: { record: place("record"), block: place("block") } };
}

const listed = ({ attack, places: { record, block } }: Ready): string =>
  `${attack.name} ${attack.user ?? 0} ${record.folder.replace(/-record$/, "")} ${record.token} ${block.token} ${attack.wholeMachine ? "--whole" : ""}
`;

/** A harmless module of this kernel, which loads nothing else. */
async function moduleOf(version: KernelVersion): Promise<Buffer> {
  const { modules } = await debianKernel(version);
  const path = join(modules, "kernel/drivers/net/dummy.ko");
  return fs.existsSync(path)
    ? fs.readFileSync(path)
    : execFileSync("xz", ["-dc", `${path}.xz`], { maxBuffer: 16 * 1024 * 1024 });
}

function read(
  lines: readonly string[],
  ready: readonly Ready[],
  { tier, limits, tell }: Pick<Choice, "limits" | "tell"> & { tier: Row["tier"] },
): Found {
  const records = new Map<number, SensorRecord>();
  for (const line of lines) {
    const match = /^record (\d+) (\{.*\})$/.exec(line);
    const record = match === null ? undefined : recordOf(match[2] ?? "");
    if (match !== null && record !== undefined) records.set(Number(match[1]), record);
  }
  const trials = new Map<string, { row: Row; said: string }>();
  for (const line of lines) {
    const match = /^attack (\S+) (record|block) (yes|no) (\d+) (\d+) (.*)$/.exec(line);
    const one = ready.find(({ attack }) => attack.name === match?.[1]);
    if (match === null || one === undefined) continue;
    const mode = match[2] as Mode;
    const between = [...records].filter(([number]) => number > Number(match[4]) && number <= Number(match[5]));
    const seen = between.some(([, record]) => one.attack.signs.some((sign) => sign(record, one.places[mode])));
    const row = rowOf(one.attack.name, tier, mode, { ran: match[3] === "yes", seen, said: "" }, limits);
    trials.set(`${one.attack.name} ${mode}`, { row, said: match[6] ?? "" });
  }
  const rows: Row[] = [];
  const skipped: { attack: string; tier: Row["tier"]; why: string }[] = [];
  for (const { attack } of ready) {
    const free = trials.get(`${attack.name} record`);
    const held = trials.get(`${attack.name} block`);
    if (held === undefined || (!attack.holdsUp && (free === undefined || free.row.outcome === "blocked"))) {
      skipped.push({
        attack: attack.name,
        tier,
        why: `it does not work here even where nothing is held back: ${free?.said ?? "no line"}`,
      });
      continue;
    }
    for (const { row, said } of [attack.holdsUp ? undefined : free, held].filter((trial) => trial !== undefined)) {
      rows.push(row);
      tell(row, said);
    }
  }
  return { rows, skipped };
}

/** A line of the small agent (agent/sensors/linux/native/test/client.c), as far as signs look at it. */
function recordOf(json: string): SensorRecord | undefined {
  const line = JSON.parse(json) as Record<string, string | boolean>;
  const { type, path, script, sha256, name, allowed } = line;
  switch (type) {
    case "exec":
      return {
        kind: "exec",
        path,
        called: script,
        arguments: String(line.arguments).replace(/\0$/, "").split("\0"),
      } as unknown as SensorRecord;
    case "ask":
    case "gate":
      return {
        kind: type,
        path,
        digest: sha256 === "0".repeat(64) ? undefined : sha256,
        allowed,
      } as unknown as SensorRecord;
    case "memfd":
    case "module":
      return { kind: type, name: name ?? "" } as unknown as SensorRecord;
    case "file":
    case "mount":
    case "ptrace":
      return { kind: type, path: path ?? "" } as unknown as SensorRecord;
    default:
      return undefined;
  }
}
