import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import type { SensorRecord } from "../../shared/model/event.ts";
import type { Attack, Place } from "./attack.ts";
import { placePayloads } from "./payloads.ts";
import type { Programs } from "./programs.ts";
import type { AttackRoot } from "./root.ts";
import type { Watch } from "./watch.ts";

/** What one run of an attack came to. */
export interface Trial {
  readonly ran: boolean;
  readonly seen: boolean;
  /** What its programs said, for whoever looks into a row. */
  readonly said: string;
}

const longestSeconds = 20;
const mostSaid = 4000;

/** Runs one attack with payloads of its own. It ran when its token was written: by nothing else than the payload's own bytes. */
export async function tryAttack(
  attack: Attack,
  root: AttackRoot,
  programs: Programs,
  watch: Watch | undefined,
): Promise<Trial> {
  const token = randomBytes(16).toString("hex");
  const place: Place = { folder: `/p/${attack.name}-${token.slice(0, 6)}`, token, good: root.allowed };
  const folder = join(root.gate.path, place.folder);
  placePayloads(programs.folder, folder, token);
  const proof = join(root.gate.scratch, "proof");
  fs.writeFileSync(proof, "");
  const from = watch?.records.length ?? 0;
  const { said, pid } = await enter(attack, root, programs, place, proof);
  const ran = fs.readFileSync(proof, "latin1").includes(token);
  const shows = (record: SensorRecord): boolean => attack.signs.some((sign) => sign(record, place));
  // Whether something that did not run was seen is not asked: its records only must not be taken for the next one's.
  await watch?.settled(pid, () => !ran || watch.records.slice(from).some(shows));
  const seen = watch?.records.slice(from).some(shows) ?? false;
  for (const path of attack.leaves ?? []) fs.rmSync(join(root.gate.path, path), { force: true });
  fs.rmSync(folder, { recursive: true, force: true });
  return { ran, seen, said };
}

async function enter(
  attack: Attack,
  root: AttackRoot,
  programs: Programs,
  place: Place,
  proof: string,
): Promise<{ said: string; pid: number }> {
  const user = attack.user === undefined ? [] : ["--user", String(attack.user)];
  const how = [
    "--root",
    root.gate.path,
    "--cgroup",
    root.gate.cgroup,
    "--seconds",
    String(attack.seconds ?? longestSeconds),
    ...user,
  ];
  const file = fs.openSync(proof, "a");
  const unused = Array.from({ length: 6 }, () => "ignore" as const);
  const child = spawn(join(programs.folder, "enter"), [...how, "--", "/bin/dash", "-c", attack.run], {
    stdio: ["ignore", "pipe", "pipe", ...unused, file],
    env: { PATH: "/attacks:/bin:/usr/bin:/sbin", HOME: "/tmp", P: place.folder, T: place.token },
  });
  fs.closeSync(file);
  let said = "";
  const note = (chunk: Buffer): void => {
    if (said.length < mostSaid) said += chunk.toString("latin1");
  };
  child.stdout?.on("data", note);
  child.stderr?.on("data", note);
  const status = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(String(code ?? signal)));
  });
  return { said: `${said.trim()} [${status}]`, pid: child.pid ?? 0 };
}
