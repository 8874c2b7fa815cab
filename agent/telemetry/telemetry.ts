import type { ExecEvent, FileEvent, FileStamp, ProcessStamp, SensorEvent } from "@provost/shared/model/event.ts";
import type { Worth } from "@provost/shared/model/detection.ts";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { JudgedPart, Observed, ObservedProcess } from "@provost/shared/model/observed.ts";
import { observedLimits } from "@provost/shared/model/observed.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import { classOf } from "@provost/shared/model/watched-files.ts";
import type { EventBatch } from "../sensors/sensor.ts";
import { Allowance } from "./allowance.ts";
import { bounded } from "./ancestors.ts";
import { dropFirst } from "@provost/shared/lib/drop-first.ts";
import { startText, ToldProcesses } from "./told-processes.ts";
import type { ProcessParts } from "./told-processes.ts";
import { WorkChanges } from "./work-changes.ts";

export type Writer = NonNullable<Extract<Observed, { kind: "exec" }>["writtenBy"]>;
type Exec = Extract<Observed, { kind: "exec" }>;

/** A start whose bytes were not judged when it came. */
interface Unjudged {
  readonly event: Exec;
  readonly file: FileStamp;
  readonly script: FileStamp | undefined;
  readonly since: number;
  /** What was known of it when it was told last; undefined: it waits to be told. */
  told: readonly JudgedPart[] | undefined;
}

/** What the agent knows of a file that runs, by its identity. */
export interface KnownFile {
  readonly sha256?: Sha256;
  readonly worth?: Worth;
  /** Where it lies on the device; a program in a root of its own sees another path. */
  readonly path?: string;
  /** Who wrote it last, as the sensor saw. */
  readonly writtenBy?: Writer;
}

interface Place {
  readonly root: string;
  readonly path: string;
}

export interface TelemetryParts extends ProcessParts {
  /** Events are numbered below it: another one for each start of the agent. */
  readonly name: string;
  /** Milliseconds from anywhere, never backwards. */
  clock(): number;
  /** Milliseconds since 1970 for nanoseconds since boot. */
  instant(sinceBoot: number): Instant;
  /** What was judged of this file, where it was. */
  file(stamp: FileStamp): KnownFile;
  /** The root that a path on this device lies in, and what it is there. */
  place(path: string): Place;
  /** The package that owns a file. */
  owner(place: Place): string | undefined;
  /** Hands on what was seen; called at most every `gatherMs`. */
  tell(events: readonly Observed[]): void;
  /** The agent's own short-lived processes: a pass looks into every file. */
  isOwn(who: ProcessStamp): boolean;
  /** A folder or a file came to be here, where a reader may have to be told of. */
  made(path: string): void;
  /** A file of this name is another one now, or none. */
  changed(path: string): void;
  /** A file got this name from another one. */
  renamed(event: FileEvent): void;
  /** So many were not told: more came than a device tells. */
  dropped(count: number): void;
}

/** Events wait so long for others: an incident has to be on screen within two seconds. */
const gatherMs = 200;
const mostWaiting = 500;
/** Reading a large file, or asking its package's books, takes longer: what comes of it is told by an event of its own. */
const judgeWithinMs = 60_000;
const judgeLookMs = 1000;
const mostUnjudged = 2000;
/**
 * A storm is counted and not told one by one. What verified programs do in the ordinary way has an allowance of its own: whoever makes a
 * storm of it hides nothing else behind it.
 */
const ordinary = { perSecond: 500, burst: 4000 };
const notable = { perSecond: 1000, burst: 4000 };
const mostWriters = 8192;
/** One is under way at a time; ends that were lost are forgotten. */
const mostBeats = 64;
const writerDays = 86_400_000;

/** From the sensor's events to what a device tells: who did it, from where, and what its bytes are worth. */
export class Telemetry {
  readonly #parts: TelemetryParts;
  readonly #processes: ToldProcesses;
  readonly #writers = new Map<string, Writer>();
  readonly #changes = new WorkChanges();
  /** The agent's own words to systemd, one each minute: told, they would be most of what a device at rest writes. */
  readonly #beats = new Set<number>();
  #count = 0;
  #waiting: Observed[] = [];
  /** Starts whose file was not judged yet: the sensor's answer and its event go different ways. */
  #unjudged: Unjudged[] = [];
  #looking: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #ordinary = new Allowance(ordinary);
  readonly #notable = new Allowance(notable);
  #dropped = 0;

  constructor(parts: TelemetryParts) {
    this.#parts = parts;
    this.#processes = new ToldProcesses(parts);
  }

  take(events: EventBatch): void {
    for (const event of events) this.#event(event);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#look();
    const events = this.#waiting;
    const dropped = this.#dropped;
    this.#waiting = [];
    this.#dropped = 0;
    if (dropped > 0) this.#parts.dropped(dropped);
    if (events.length > 0) this.#parts.tell(events);
  }

  /** Nothing has happened for some seconds: what was held for events that come late is let go. */
  rest(): void {
    this.#processes.rest();
    this.#changes.rest();
  }

  /** What was judged meanwhile is told: with its start, where that still waits, else by itself. */
  #look(): void {
    clearTimeout(this.#looking);
    this.#looking = undefined;
    const open = this.#unjudged;
    this.#unjudged = [];
    const now = this.#parts.clock();
    for (const one of open) {
      const isJudged = this.#judge(one.event, one.file, one.script);
      const known = judgedOf(one.event);
      const adds = known.filter((part) => one.told?.includes(part) === false);
      if (adds.length > 0) this.#waiting.push(this.#judgedLate(one.event, adds));
      one.told = known;
      const waits = !isJudged && now - one.since < judgeWithinMs && this.#unjudged.length < mostUnjudged;
      if (waits) this.#unjudged.push(one);
    }
    if (this.#unjudged.length > 0) this.#looking = setTimeout(() => this.flush(), judgeLookMs).unref();
  }

  #judgedLate(event: Exec, adds: readonly JudgedPart[]): Observed {
    return { ...event, kind: "judged", id: this.#name(), start: event.id, adds };
  }

  #event(event: SensorEvent): void {
    const { who } = event;
    switch (event.kind) {
      case "exec":
        if (!isBeat(event.path) || !this.#parts.isOwn(who)) return this.#exec(event);
        if (this.#beats.size >= mostBeats) this.#beats.clear();
        this.#beats.add(who.pid);
        return undefined;
      case "fork":
        return this.#fork(event.child, event.childStarted, who);
      case "exit": {
        if (this.#beats.delete(who.pid)) return this.#processes.forget(who.pid);
        const actor = this.#processes.actor(who);
        this.#processes.end(actor);
        this.#changes.ended(actor);
        // A thread of the kernel's, or one whose start nobody told: machines at rest end one every few seconds.
        if (actor.executable === "") return undefined;
        return this.#tell({ ...this.#seen(event.time), kind: "exit", actor, status: event.waitStatus });
      }
      case "connect":
      case "listen": {
        const protocol = event.protocol === 17 ? "udp" : "tcp";
        const local = { address: event.localAddress, port: event.localPort };
        const remote = { address: event.remoteAddress, port: event.remotePort };
        const actor = this.#processes.actor(who);
        return event.kind === "listen"
          ? this.#tell({ ...this.#seen(event.time), kind: "listen", actor, protocol, local })
          : this.#tell({
              ...this.#seen(event.time),
              kind: "connection",
              actor,
              protocol,
              initiated: true,
              local,
              remote,
            });
      }
      case "module":
        return this.#tell({
          ...this.#seen(event.time),
          kind: "module",
          actor: this.#processes.actor(who),
          module: event.name,
        });
      case "ptrace": {
        const target = this.#processes.running(event.target);
        const reached = {
          pid: event.target,
          startedAt: startText(event.targetStarted),
          executable: target?.executable ?? "",
        };
        return this.#tell({
          ...this.#seen(event.time),
          kind: "reach",
          actor: this.#processes.actor(who),
          target: reached,
          request: event.request,
        });
      }
      case "memfd":
        return this.#tell({
          ...this.#seen(event.time),
          kind: "memory",
          actor: this.#processes.actor(who),
          what: "memfd",
          name: event.name,
        });
      case "file":
        return this.#file(event);
      case "credentials":
      case "bpf":
      case "mount":
        return undefined;
      default:
        return unreachable(event);
    }
  }

  #exec(event: ExecEvent): void {
    const { who, file, script, path, called, directory } = event;
    const parent = this.#processes.found(who.parent);
    const actor: ObservedProcess = {
      ...this.#processes.identity(who),
      executable: path,
      arguments: event.arguments
        .slice(0, observedLimits.arguments)
        .map((word) => word.slice(0, observedLimits.characters)),
      ...(directory === "" ? {} : { directory }),
      ...(event.cgroupName === "" ? {} : { cgroup: event.cgroupName }),
      ...(parent === undefined ? {} : { parent: bounded(parent) }),
    };
    this.#processes.keep(actor);
    const isScript = script !== undefined || (event.flags & scriptFlag) !== 0;
    const exec: Exec = {
      ...this.#seen(event.time),
      kind: "exec",
      actor,
      ...(isScript ? { script: called.startsWith("/") ? called : joined(directory, called) } : {}),
      ...((event.flags & memfdFlag) !== 0
        ? { unnamed: "memory" as const }
        : (event.flags & unlinkedFlag) !== 0
          ? { unnamed: "unlinked" as const }
          : {}),
    };
    const isJudged = this.#judge(exec, file, script);
    const isTold = this.#admit(exec);
    if (!isJudged && isTold)
      this.#unjudged.push({ event: exec, file, script, since: this.#parts.clock(), told: undefined });
  }

  /** Adds what is known of the bytes; false: nothing yet. What others hold of this process learns it too. */
  #judge(event: Exec, file: FileStamp, script: FileStamp | undefined): boolean {
    const known = this.#parts.file(file);
    const interpreted = script === undefined ? undefined : this.#parts.file(script);
    const { sha256, worth } = known;
    Object.assign(
      event.actor,
      sha256 === undefined ? {} : { sha256 },
      worth === undefined ? {} : { worth },
      known.path?.endsWith(event.actor.executable) === true ? { executable: known.path } : {},
    );
    // A script that could not be told apart has no writer known: the interpreter's is another one.
    const started = event.script === undefined ? file : script;
    const writtenBy =
      started === undefined ? undefined : ((interpreted ?? known).writtenBy ?? this.#writers.get(keyOf(started)));
    const isRecent = writtenBy !== undefined && event.at - writtenBy.at <= writerDays;
    Object.assign(
      event,
      interpreted?.sha256 === undefined ? {} : { scriptSha256: interpreted.sha256 },
      interpreted?.worth === undefined ? {} : { scriptWorth: interpreted.worth },
      isRecent ? { writtenBy } : {},
      event.script !== undefined && interpreted?.path?.endsWith(event.script) === true
        ? { script: interpreted.path }
        : {},
    );
    return sha256 !== undefined && (script === undefined || interpreted?.sha256 !== undefined);
  }

  #fork(child: number, childStarted: number, who: ProcessStamp): void {
    const forked = this.#processes.actor(who);
    const { parent: _parent, ...own } = forked;
    this.#processes.keep({ ...own, pid: child, startedAt: startText(childStarted), parent: bounded(forked) });
  }

  #file(event: FileEvent): void {
    const { who, file, path } = event;
    if (event.created || event.renamed) this.#parts.made(path);
    if (event.isFolder || this.#parts.isOwn(who)) return;
    const actor = this.#processes.actor(who);
    const at = this.#parts.instant(event.time);
    if (event.created || event.written || event.renamed) this.#noteWriter(file, actor, at);
    const place = this.#parts.place(path);
    const watched = classOf(place.path);
    const where = place.root === "" ? { path } : { path, root: place.root };
    if (event.opened && watched === "credential")
      this.#tell({ ...this.#seen(event.time), kind: "file", actor, change: "opened", ...where });
    const isChanged = event.created || event.written || event.renamed || event.deleted || event.attributes;
    if (!isChanged) return;
    this.#parts.changed(path);
    if (event.renamed) this.#parts.renamed(event);
    if (event.from !== undefined) this.#parts.changed(event.from);
    // What the sensor saw within a moment comes as one event: a file that was made and then written is a new one.
    if (event.created || (isByteCode(path, event.from) && this.#changes.isMadeBy(actor, event.from)))
      this.#changes.made(actor, path);
    const change = event.deleted
      ? "deleted"
      : event.renamed
        ? "renamed"
        : event.created
          ? "created"
          : event.written
            ? "written"
            : "attributes";
    const before = event.from === undefined ? {} : { before: event.from };
    const passes = isPassing(place.path) && (event.from === undefined || isPassing(this.#parts.place(event.from).path));
    const many =
      change === "attributes" || passes ? undefined : this.#changes.note(actor, path, change, event.time / 1e6);
    const owned = watched === undefined && change !== "attributes" ? this.#parts.owner(place) : undefined;
    if (watched === undefined && owned === undefined && many === undefined) return;
    this.#tell({
      ...this.#seen(event.time),
      kind: "file",
      actor,
      change,
      ...where,
      ...before,
      ...(owned === undefined ? {} : { package: owned }),
      ...many,
    });
  }

  #noteWriter(file: FileStamp, actor: ObservedProcess, at: Instant): void {
    const key = keyOf(file);
    this.#writers.delete(key);
    this.#writers.set(key, { pid: actor.pid, startedAt: actor.startedAt, executable: actor.executable, at });
    if (this.#writers.size > mostWriters) dropFirst(this.#writers);
  }

  #seen(time: number): { readonly id: string; readonly at: Instant; readonly host: string } {
    return { id: this.#name(), at: this.#parts.instant(time), host: "" };
  }

  #name(): string {
    this.#count += 1;
    return `${this.#parts.name}-${this.#count.toString(36)}`;
  }

  #tell(event: Observed): void {
    this.#admit(event);
  }

  /** False: more came than a device tells. */
  #admit(event: Observed): boolean {
    const allowance = isOrdinary(event) ? this.#ordinary : this.#notable;
    const isTold = allowance.take(this.#parts.clock());
    if (isTold) this.#waiting.push(event);
    else this.#dropped += 1;
    if (this.#waiting.length >= mostWaiting) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), gatherMs);
    return isTold;
  }
}

const judgedOf = ({ actor, scriptSha256 }: Exec): readonly JudgedPart[] => [
  ...(actor.sha256 === undefined ? [] : (["program"] as const)),
  ...(scriptSha256 === undefined ? [] : (["script"] as const)),
];

/** A verified program starts, connects or ends. What is not judged yet is not ordinary. */
function isOrdinary(event: Observed): boolean {
  if (event.kind === "exit") return true;
  if (event.kind === "exec")
    return (
      vouches(event.actor.worth) &&
      event.unnamed === undefined &&
      (event.script === undefined || vouches(event.scriptWorth))
    );
  return (event.kind === "connection" || event.kind === "listen") && vouches(event.actor.worth);
}

const vouches = (worth: Worth | undefined): boolean =>
  worth !== undefined &&
  (worth.standing === "proven" ||
    worth.standing === "signed" ||
    worth.basis === "recorded" ||
    worth.basis === "pinned");

/**
 * Python writes what it compiled beside its place and renames it (PEP 3147): a cache, which it makes again from the source. Anything
 * else that is renamed over may be all there was of it.
 */
const isByteCode = (path: string, from: string | undefined): from is string =>
  from !== undefined &&
  /\/__pycache__\/[^/]+\.pyc$/.test(path) &&
  from.startsWith(`${path}.`) &&
  /^\d+$/.test(from.slice(path.length + 1));

const isBeat = (path: string): boolean => /^(?:\/usr)?\/bin\/systemd-notify$/.test(path);

/** What programs lay down for a while is nobody's loss. By a path in its own root, and of a file that is moved by both. */
const isPassing = (path: string): boolean => /^\/(?:tmp|var\/tmp|dev\/shm|run)\//.test(path);

const memfdFlag = 1 << 4;
const unlinkedFlag = 1 << 3;
const scriptFlag = 1 << 11;
const keyOf = ({ device, inode }: FileStamp): string => `${device}:${inode}`;

/** Cut to what a path may be: both parts are as long as the caller made them. */
const joined = (directory: string, name: string): string =>
  `${directory}/${name.replace(/^\.\//, "")}`.replaceAll("//", "/").slice(0, mostPathCharacters).toWellFormed();
/** A path of the kernel's longest, each byte escaped. */
const mostPathCharacters = observedLimits.path * 4;
