import { isIP } from "node:net";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { ObservedConnection, ObservedExec, ObservedProcess, Observed } from "@provost/shared/model/observed.ts";
import { programName } from "@provost/shared/model/work.ts";
import { rarityOf } from "./baseline.ts";
import type { BaselineStore, Habit, Remembered } from "./baseline.ts";

/** How unusual an event is on this fleet: 0 to 1, the rarest of what it shows, and each in a sentence. */
export interface Usual {
  readonly rarity: number;
  readonly says: readonly string[];
}

/** What nobody keeps a habit of. */
const unknown: Usual = { rarity: 0.5, says: [] };

/**
 * What is remembered of each artefact, wherever it runs: its bytes, whom it starts and whom it calls. Remembers the event as well. Of a
 * start that was judged late only the bytes are new; who started it was remembered when it was told.
 */
export function usualOf(event: Observed, device: DeviceId, baseline: BaselineStore, fleet: number): Usual {
  const habits = event.kind === "exec" || event.kind === "judged" ? ofStart(event) : ofConnection(event);
  if (habits.length === 0) return unknown;
  const met = habits.map(({ habit, key, says }) => {
    const known = baseline.meet(habit, key, device, event.at);
    return { rarity: rarityOf(known, fleet, event.at), says: `${says}: ${howOften(known)}.` };
  });
  return { rarity: Math.max(...met.map(({ rarity }) => rarity)), says: met.map(({ says }) => says) };
}

interface Kept {
  readonly habit: Habit;
  readonly key: string;
  readonly says: string;
}

function ofStart(event: ObservedExec | Extract<Observed, { kind: "judged" }>): readonly Kept[] {
  const digest = event.scriptSha256 ?? event.actor.sha256;
  const what = event.script ?? event.actor.executable;
  const bytes: readonly Kept[] =
    digest === undefined ? [] : [{ habit: "program", key: digest, says: `The bytes of ${what} ran` }];
  const { parent } = event.actor;
  if (parent === undefined || event.kind === "judged") return bytes;
  // The child by its name: that its package brings a new version makes it no other child.
  const child: Kept = {
    habit: "child",
    key: `${artefact(parent)} ${what}`,
    says: `${programName(parent)} started ${what}`,
  };
  return [...bytes, child];
}

function ofConnection(event: Observed): readonly Kept[] {
  if (event.kind !== "connection" || !event.initiated) return [];
  const to = placeOf(event.remote);
  if (to === undefined) return [];
  const says = `${programName(event.actor)} called ${to}`;
  return [{ habit: "destination", key: `${artefact(event.actor)} ${to}`, says }];
}

/** By its bytes where they are known: another program of the same name has habits of its own. */
const artefact = ({ sha256, executable }: ObservedProcess): string => sha256 ?? executable;

/** The network and port: a service has many addresses next to each other. Undefined: the device itself. */
function placeOf({ address, port }: ObservedConnection["remote"]): string | undefined {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "");
  if (plain === "::1" || plain.startsWith("127.")) return undefined;
  if (isIP(plain) === 4) return `${plain.split(".").slice(0, 3).join(".")}.0/24 port ${port}`;
  return isIP(plain) === 6 ? `${firstGroups(plain)}::/48 port ${port}` : `${plain} port ${port}`;
}

function firstGroups(address: string): string {
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const middle =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return [...left, ...middle, ...right].slice(0, 3).join(":");
}

function howOften({ devices, firstAt, onDevice }: Remembered): string {
  if (devices === 0 || firstAt === undefined) return "never before on this fleet";
  const since = new Date(firstAt).toISOString().slice(0, 10);
  return `on ${devices} ${devices === 1 ? "device" : "devices"} before, first on ${since}${onDevice ? "" : ", never on this one"}`;
}
