import { dirname } from "node:path";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import { approvalOf, dropApproval, keepApproval } from "../gate/approvals.ts";
import { corePrograms } from "../gate/core-programs.ts";
import { denialOf, dropDenial, dropDenials, isDeniedBy, keepDenial } from "../gate/denials.ts";
import { programOf } from "../host/process.ts";
import { hashFile } from "../identity/hash.ts";
import { verifyWith } from "../link/keys.ts";
import { serverAddress } from "../link/remembered-address.ts";
import type { State } from "../state/state.ts";
import { readMeta } from "../state/state.ts";
import { bundleOf } from "../triage/keep.ts";
import { runCollect } from "../triage/run-collect.ts";
import type { GuardFacts } from "./guard.ts";
import { ancestorsOf, operatorSessions } from "./operators.ts";
import { Actions } from "./run.ts";
import type { ActionParts } from "./run.ts";
import { stepTable } from "./steps.ts";

/** What a running gate lends to the orders; without one nothing is kept from starting, and trees are known from /proc alone. */
export interface GateHelp {
  descendants(pid: number, startTick: number): readonly number[];
  sensorPid(): number | undefined;
  /** These bytes are to be asked about again, or refused at once. */
  forget(sha256: Sha256): void;
  refuse(sha256: Sha256): void;
  isJudging(): boolean;
  /** A process of ours began, which may read everything. */
  guard?(pid: number): void;
}

/** Orders of the server, on this device. */
export function openActions(
  state: State,
  gate: () => GateHelp | undefined,
  spooled: () => void,
  at?: ActionParts["at"],
): Actions {
  const now = (): Instant => Date.now() as Instant;
  return new Actions({
    state,
    now: Date.now,
    spooled,
    ...(at === undefined ? {} : { at }),
    expected: () => ({
      device: readMeta(state, "device"),
      serverKey: readMeta(state, "server-key"),
      now: Date.now(),
      verify: verifyWith,
    }),
    guard: guardFacts(state, gate),
    steps: stepTable({
      descendants: (pid, startTick) => gate()?.descendants(pid, startTick) ?? [],
      spared: () =>
        new Set([
          1,
          process.pid,
          gate()?.sensorPid() ?? 0,
          ...ancestorsOf(process.pid),
          ...operatorSessions(process.execPath),
        ]),
      deny(sha256, command, expires) {
        keepDenial(state, sha256, command, expires, now());
        gate()?.refuse(sha256);
      },
      isDenied: (sha256) => denialOf(state, sha256, now()) !== undefined,
      liftDenial(sha256, command) {
        dropDenial(state, sha256, command);
        // What another order refuses is refused again at the next question.
        gate()?.forget(sha256);
      },
      isLifted: (sha256, command) => !isDeniedBy(state, sha256, command),
      allow(digest, command, code, expires) {
        keepApproval(state, { digest, code, owner: "server", reason: command, at: now(), expires: expires as Instant });
        dropDenials(state, digest);
        gate()?.forget(digest);
      },
      isAllowed: (sha256) => approvalOf(state, sha256, now()) !== undefined,
      withdraw(sha256) {
        dropApproval(state, sha256);
        gate()?.forget(sha256);
      },
      gateIsOpen: () =>
        gate()?.isJudging() === true
          ? undefined
          : "noted, but this device's gate keeps nothing from starting in its mode",
      triage: (command) => bundleOf(state, command),
      collect: (command, about) =>
        runCollect({ folder: dirname(state.name), command, ...about }, (pid) => gate()?.guard?.(pid)),
      now: Date.now,
      serverAddresses() {
        const address = serverAddress(state);
        return address === undefined ? [] : [address];
      },
    }),
  });
}

function guardFacts(state: State, gate: () => GateHelp | undefined): GuardFacts {
  const vouched = state.prepare<[string], { path: string }>(
    "SELECT path FROM files WHERE digest = ? AND standing IN ('proven', 'signed') LIMIT 1",
  );
  return {
    agent: process.pid,
    get sensor() {
      return gate()?.sensorPid();
    },
    get ancestors() {
      return ancestorsOf(process.pid);
    },
    isOperators: (pid) => operatorSessions(process.execPath).has(pid),
    program: programOf,
    isVital: (program) => corePrograms([], undefined).includes(program) && !isShell(program),
    isPackageManager: (program) =>
      /\/(?:dpkg|apt|apt-get|rpm|dnf|yum|zypper|apk|pacman|unattended-upgrades?)$/.test(program),
    // The files as they are now: what was read of them at the last pass may be old, or not there yet.
    isVitalDigest: (sha256) => [...corePrograms(ownPrograms(), undefined)].some((path) => digestOf(path) === sha256),
    isVouchedFor(sha256) {
      const row = vouched.get(sha256);
      return row === undefined ? undefined : `the origin of ${row.path}`;
    },
  };
}

const isShell = (path: string): boolean => /\/(?:sh|bash|dash|zsh|fish|busybox)$/.test(path);

/** What the agent itself runs on. */
const ownPrograms = (): readonly string[] => [process.execPath, process.argv[1] ?? ""];

function digestOf(path: string): string | undefined {
  const hashed = hashFile(path, new Set());
  return hashed.ok ? hashed.sha256 : undefined;
}
