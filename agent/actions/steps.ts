import type { Step, StepName } from "@provost/shared/actions/index.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { KeptBundle } from "../triage/keep.ts";
import type { Collected } from "../triage/run-collect.ts";
import { cut, hasRules, isCut, reconnect } from "../host/network.ts";
import type { Sealed } from "../host/file.ts";
import { isRestored, isSealed, planSeal, seal, unseal } from "../host/file.ts";
import type { Descendants } from "../host/process.ts";
import { freezeTree, homeOf, isSame, killGroup, survivors, thawGroup } from "../host/process.ts";

/** How one kind of step is prepared, done, looked at and undone. Each may be asked again after a crash. */
export interface StepWork<Name extends StepName> {
  /** What has to be remembered before it begins. Throws: it cannot be done, and nothing has happened. */
  prepare?(step: StepOf<Name>, command: string): unknown;
  perform(step: StepOf<Name>, command: string, memory: unknown): string | Promise<string>;
  /** Whether it is so now. "later": that is another's to say, who has not said it yet. */
  holds(step: StepOf<Name>, command: string, memory: unknown): Holds | Promise<Holds>;
  /** Why it does not hold, where more can be said than that. */
  shortfall?(command: string): string | undefined;
  /** What of it belongs into the audit. */
  facts?(command: string): Readonly<Record<string, string>>;
  /** Undefined: it cannot be undone. */
  undo?(step: StepOf<Name>, command: string, memory: unknown): void;
  /** Whether everything is as it was before; where this is undefined, that it does not hold says so. */
  isUndone?(step: StepOf<Name>, command: string, memory: unknown): boolean;
}
export type Holds = boolean | "later";
type StepOf<Name extends StepName> = Extract<Step, { step: Name }>;
export type StepTable = { readonly [Name in StepName]: StepWork<Name> };

/** What the steps need of the rest of the agent. */
export interface StepParts {
  readonly descendants: Descendants;
  /** Never touched, whatever is above it. */
  spared(): ReadonlySet<number>;
  deny(sha256: Sha256, command: string, expires: number | undefined): void;
  isDenied(sha256: Sha256): boolean;
  /** What other orders refuse stays refused. */
  liftDenial(sha256: Sha256, command: string): void;
  isLifted(sha256: Sha256, command: string): boolean;
  allow(sha256: Sha256, command: string, code: string, expires: number): void;
  isAllowed(sha256: Sha256): boolean;
  withdraw(sha256: Sha256): void;
  /** Why nothing is kept from starting on this device; undefined: the gate stops what it is told to. */
  gateIsOpen(): string | undefined;
  /** What was collected for this command and what the server said of it; undefined: nothing is collected. */
  triage(command: string): KeptBundle | undefined;
  collect(command: string, about: Pick<StepOf<"collect-triage">, "process" | "executable">): Promise<Collected>;
  now(): number;
  /** Addresses of the server this device talks to. */
  serverAddresses(): readonly string[];
}

export function stepTable(parts: StepParts): StepTable {
  return {
    "freeze-processes": {
      prepare: ({ process }) => ({ home: homeOf(process, isIn(parts.spared())) }) satisfies Frozen,
      perform({ process }, command, memory) {
        const { home } = memory as Frozen;
        const { caught } = freezeTree(command, process, parts.descendants, isIn(parts.spared()), home);
        return `${caught} ${caught === 1 ? "process stands" : "processes stand"} still`;
      },
      // Half a tree may stand still, so it is looked through again; whoever was moved before is moved nowhere.
      holds: () => false,
      undo: (_step, command, memory) => thawGroup(command, (memory as Frozen | undefined)?.home),
    },
    "kill-processes": {
      perform(_step, command) {
        killGroup(command);
        return "nobody of it runs any more";
      },
      holds: ({ process }, command) => survivors(command).length === 0 && !isSame(process),
    },
    "deny-digest": {
      perform({ sha256, expires }, command) {
        parts.deny(sha256, command, expires);
        return parts.gateIsOpen() ?? "refused from now on";
      },
      holds: ({ sha256 }) => parts.isDenied(sha256),
      undo: ({ sha256 }, command) => parts.liftDenial(sha256, command),
      isUndone: ({ sha256 }, command) => parts.isLifted(sha256, command),
    },
    "allow-digest": {
      perform({ sha256, code, expires }, command) {
        parts.allow(sha256, command, code, expires);
        return "allowed from now on";
      },
      holds: ({ sha256 }) => parts.isAllowed(sha256),
      undo: ({ sha256 }) => parts.withdraw(sha256),
    },
    "seal-file": {
      prepare: ({ root, path, sha256 }, command) => planSeal(command, root, path, sha256),
      perform(_step, _command, memory) {
        const plan = memory as Sealed;
        seal(plan);
        return plan.otherNames === 0
          ? "it lies in the vault"
          : `it lies in the vault; the same file has ${plan.otherNames} other ${plan.otherNames === 1 ? "name" : "names"}, which stay and have lost their mode`;
      },
      holds: (_step, _command, memory) => isSealed(memory as Sealed),
      undo: (_step, _command, memory) => unseal(memory as Sealed),
      isUndone: (_step, _command, memory) => isRestored(memory as Sealed),
    },
    "cut-network": {
      // Names cannot be looked up any more once the network is cut, also not after a start.
      prepare: () => ({ server: parts.serverAddresses() }) satisfies Reached,
      perform: ({ except }, _command, memory) => cut([...(memory as Reached).server, ...except]),
      holds: () => isCut(),
      undo: () => reconnect(),
      isUndone: () => !hasRules(),
    },
    "collect-triage": {
      async perform({ process, executable }, command) {
        const { bytes, sha256 } = await parts.collect(command, {
          ...(process === undefined ? {} : { process }),
          ...(executable === undefined ? {} : { executable }),
        });
        return `${bytes} bytes with the SHA-256 ${sha256} are on their way`;
      },
      holds(_step, command) {
        const bundle = parts.triage(command);
        if (bundle === undefined || bundle.answer === "refused") return false;
        if (bundle.answer === "kept") return true;
        return parts.now() - bundle.at > answerMs ? false : "later";
      },
      shortfall(command) {
        const bundle = parts.triage(command);
        return bundle?.answer === "waiting"
          ? "the server never said that it keeps the bundle"
          : `the server does not keep the bundle: ${bundle?.why ?? "nothing was collected"}`;
      },
      facts(command): Readonly<Record<string, string>> {
        const bundle = parts.triage(command);
        return bundle === undefined ? {} : { sha256: bundle.sha256, bytes: String(bundle.bytes) };
      },
    },
  };
}

/** A device may be without its server for days; what it collected is of use to nobody after a week. */
const answerMs = 7 * 86_400_000;

const isIn =
  (spared: ReadonlySet<number>) =>
  (pid: number): boolean =>
    spared.has(pid);

/** The server's addresses when the network was cut. */
interface Reached {
  readonly server: readonly string[];
}

/** The service or container that stands still while its processes are sorted out. */
interface Frozen {
  readonly home?: string | undefined;
}
