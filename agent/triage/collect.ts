/** A process of its own that looks at the device for one order: `TriageOrder` in, one `TriageAnswer` out. */
import type { ProcessKey } from "@provost/shared/model/detection.ts";
import { productVersion } from "@provost/shared/protocol/version.ts";
import { openState, readMeta } from "../state/state.ts";
import type { State } from "../state/state.ts";
import { packBundle } from "./bundle.ts";
import type { TriageBundle } from "./bundle.ts";
import { keepBundle } from "./keep.ts";
import { LeftOut } from "./look.ts";
import { digests, hostFacts, modules, mounts, schedules, signedIn } from "./machine.ts";
import { agentFacts, newestAudit, untold } from "./own.ts";
import { seeProcesses } from "./processes.ts";
import { seeSockets } from "./sockets.ts";

export interface TriageOrder {
  readonly folder: string;
  readonly command: string;
  readonly process?: ProcessKey;
  readonly executable?: string;
  /** After so long nothing more is looked at, and what there is is sent. */
  readonly withinMs: number;
}

export type TriageAnswer =
  | { readonly ok: true; readonly sha256: string; readonly bytes: number }
  | { readonly ok: false; readonly why: string };

process.once("message", (order: TriageOrder) => obey(order));
process.once("disconnect", () => process.exit(1));

function obey(order: TriageOrder): void {
  let answer: TriageAnswer;
  try {
    const state = openState(order.folder);
    try {
      const { sha256, bytes } = keepBundle(state, order.command, packBundle(look(state, order)), Date.now());
      answer = { ok: true, sha256, bytes };
    } finally {
      state.close();
    }
  } catch (cause) {
    answer = { ok: false, why: cause instanceof Error ? cause.message : String(cause) };
  }
  process.send?.(answer, undefined, {}, () => process.exit(answer.ok ? 0 : 1));
}

function look(state: State, { command, process: about, executable, withinMs }: TriageOrder): TriageBundle {
  const at = Date.now();
  const until = (): boolean => Date.now() - at > withinMs;
  const left = new LeftOut();
  const seen = seeProcesses(about, until, left);
  return {
    format: "provost-triage/1",
    command,
    device: readMeta(state, "device") ?? "",
    agentVersion: productVersion,
    at,
    ...(about === undefined
      ? {}
      : { about: { ...about, ...(executable === undefined ? {} : { executable }), runs: seen.runs } }),
    host: hostFacts(),
    processes: seen.processes,
    sockets: seeSockets(seen.processes, left),
    mounts: mounts(left),
    users: signedIn(left),
    modules: modules(left),
    schedules: schedules(left),
    digests: digests(seen.processes, seen.near, until, left),
    agent: agentFacts(state),
    events: untold(state),
    audit: newestAudit(state),
    left: left.all(),
    tookMs: Date.now() - at,
  };
}
