import type { GateQuestion, SensorHello, SensorStatus } from "@provost/shared/model/event.ts";
import type { AlarmKind } from "@provost/shared/model/gate.ts";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { GateDecision } from "@provost/shared/protocol/gate-frames.ts";
import { stops } from "@provost/shared/policy/gate.ts";
import type { AgentConfig } from "../config.ts";
import { tellGate } from "../inventory/device.ts";
import { userNames } from "../inventory/users.ts";
import type { Sensor, SensorListener } from "../sensors/sensor.ts";
import { sensors } from "../sensors/index.ts";
import type { State } from "../state/state.ts";
import { CredentialPlaces } from "../telemetry/credential-places.ts";
import { KnownFiles } from "../telemetry/known-files.ts";
import type { Writer } from "../telemetry/telemetry.ts";
import { startText } from "../telemetry/told-processes.ts";
import { openTelemetry } from "../telemetry/start.ts";
import { readMeta, writeMeta } from "../state/state.ts";
import { corePlaces, interpreterPrograms, packageManagers } from "./core-programs.ts";
import { answerPeople } from "./answer-people.ts";
import { openControl } from "./control.ts";
import type { GateStatus } from "./control-words.ts";
import { countersOf, limitsOf, partsOf, partWords, seesFiles } from "./sensor-words.ts";
import { denied } from "./denials.ts";
import { Gate } from "./gate.ts";
import { Hearing } from "./hearing.ts";
import { Looking } from "./looking.ts";
import { guarded, ownPrograms } from "./own-files.ts";
import { openOwnerPolicy } from "./owner-policy.ts";
import { Places } from "./places.ts";
import { ProcessTable } from "./process-table.ts";
import { StoppedFiles } from "./stopped.ts";
import { tamperFacts, tamperSays } from "./tamper-words.ts";
import { Telling } from "./tell.ts";
import { noteReadable, readablePolicy, serverPolicy } from "./server-policy.ts";
import { Quiet, tellPerson } from "./telling-people.ts";

/** Proofs come in hundreds: what they change is looked at once they pause. */
const settleMs = 2000;
const stopAfterMs = 200;
/** A sensor that cannot hold anything says a milder mode than it was told, for ever. */
const changesWithinWords = 5;
/** The sensor hashes our programs first, some hundred megabytes at most. */
const hashesWithinMs = 1500;
/** What the daemon and the sensor exit with when the owner stopped them: their units do not start them again. */
const stoppedInOrder = 10;

const firstPass = "gate: nothing is stopped before the first pass over this device has ended";

export interface RunningGate {
  /** The sensor knows our own programs, or there is none that answers: what we start does not wait for ourselves. */
  readonly settled: Promise<void>;
  /** A whole pass has ended: with the first one the gate may stop what its policy says. */
  inventoried(): void;
  /** Verdicts may have changed: a pass ended, a proof or a document came. */
  changed(): void;
  /** A process of ours, which may write what is guarded. */
  guard(pid: number): void;
  /** Every program is judged before it starts. */
  isJudging(): boolean;
  /** Counts the starts and ends of processes that were told; undefined: the sensor does not answer. */
  processChanges(): number | undefined;
  /** Every change of a file on this device is told. */
  tellsFiles(): boolean;
  descendants(pid: number, startTick: number): readonly number[];
  sensorPid(): number | undefined;
  /** The server said something new of its policy. */
  published(): Promise<void>;
  /** Nothing has happened for some seconds. */
  rest(): void;
  /** These bytes are asked about again at their next start. */
  forget(digest: Sha256): void;
  /** These bytes do not start any more, also while this agent is away. */
  refuse(digest: Sha256): void;
  close(): void;
}

/** The sensor's connection, the gate behind it, and what the two are told of. */
export async function startGate(
  state: State,
  config: AgentConfig,
  events: {
    readonly spooled: () => void;
    readonly stop: () => void;
    /** A file of this name is another one now, or none. */
    readonly changed: (path: string) => void;
    /** Undoes what an order did here. */
    readonly release: (id: string, by: string) => Promise<string>;
  },
): Promise<RunningGate> {
  const { spooled } = events;
  const device = readMeta(state, "device") ?? readMeta(state, "epoch") ?? "local";
  const processes = new ProcessTable();
  const stopped = new StoppedFiles(state, device);
  const telling = new Telling(state, stopped, spooled);
  const looking = new Looking(config.folder, (pid) => sensor?.guard({ pid }));
  const quiet = new Quiet();
  const names = new Map<number, string>();
  const userName = (uid: number): string => {
    if (names.size === 0) for (const [id, name] of userNames()) names.set(id, name);
    return names.get(uid) ?? String(uid);
  };
  const alarm = (kind: AlarmKind, says: string, facts: Readonly<Record<string, string>>): void =>
    telling.alarm({ at: Date.now(), kind, says: says.slice(0, 1000), facts: { ...facts } });

  const files = new KnownFiles(state);
  const places = new Places(state);
  const credentials = new CredentialPlaces((path) => sensor?.path("opened", path));
  const telemetry =
    config.server === undefined
      ? undefined
      : openTelemetry(state, {
          files,
          places,
          processes,
          hello: () => hello,
          made: (path) => credentials.made(path),
          changed: events.changed,
          renamed: (event) => gate.renamed(event),
          userName,
          spooled,
        });

  let sensor: Sensor | undefined;
  let hello: SensorHello | undefined;
  let status: SensorStatus | undefined;
  /** Words of the sensor that are waited for at most until one says that another mode holds; 0: none is waited for. */
  let changingFor = 0;
  let told: ReadonlySet<string> = new Set();
  let inventoried = readMeta(state, "pass") !== undefined;

  const policy = await openOwnerPolicy(
    config.policy,
    config.mode,
    {
      newest: () => serverPolicy(state),
      lastRead: () => readablePolicy(state),
      wasRead: () => noteReadable(state),
    },
    ({ current, fault }) => {
      if (fault !== undefined) alarm("degraded", fault, {});
      else {
        gate.use(current);
        applyMode();
      }
      tellChange();
    },
  );
  if (policy.fault !== undefined) alarm("degraded", policy.fault, {});

  const gate = new Gate(
    {
      state,
      processes,
      stopped,
      telling,
      looking,
      device: { id: device, groups: config.groups },
      inventoried: () => inventoried,
      sealingSince: () => sealingSince,
      now: () => Date.now() as Instant,
      userName,
      answer: (id, answer) => sensor?.answer(id, answer),
      told(item, notice) {
        if (quiet.mayTell(item.sha256 ?? item.path, item.at)) tellPerson(item, notice);
      },
      request: (item) => request(item, "held by the gate", userName(item.process.uid)),
      judged(question, sha256, verdict, purl) {
        files.note(
          question.file,
          sha256,
          verdict,
          purl,
          question.path,
          writerOf(question, processes, hello?.bootToUnix ?? 0),
        );
      },
      failed: (path, cause) =>
        alarm("degraded", `${path} could not be judged: ${cause instanceof Error ? cause.message : String(cause)}`, {}),
    },
    policy.current,
  );

  const request = (item: GateDecision, reason: string, user: string): void => {
    if (item.sha256 === undefined) return;
    const { code, path, root, sha256 } = item;
    telling.request({
      kind: "request",
      code,
      sha256,
      path,
      root,
      uid: item.process.uid,
      user: user.slice(0, 100),
      reason: reason.slice(0, 1000),
      at: Date.now(),
    });
  };

  /** What lies here when sealing begins is blocked where the rules want it, and stays where it is. */
  let sealingSince: number | undefined;
  const noteSealing = (): void => {
    const held = Number(readMeta(state, "sealing-since") ?? 0);
    const seals = gate.mode === "quarantine";
    sealingSince = seals ? held || Date.now() : undefined;
    if (seals !== held > 0) writeMeta(state, "sealing-since", String(sealingSince ?? 0));
  };
  noteSealing();

  const tellDevice = (): void => {
    const facts: Record<string, string> =
      hello === undefined
        ? { sensor: hearing.isMissing ? "does not answer" : "not connected yet" }
        : { sensor: partsOf(hello), "sensor limits": limitsOf(hello) };
    const { from, issue, fault } = policy;
    tellGate(state, {
      mode: gate.mode,
      tier: hello?.tier ?? "P",
      groups: config.groups.map((group) => group.slice(0, 100)).slice(0, 64),
      policy: {
        number: gate.policy.number,
        from,
        ...(issue === undefined ? {} : { issue }),
        ...(fault === undefined ? {} : { fault: fault.slice(0, 1000) }),
      },
      facts,
    });
    spooled();
  };

  /** Starting a program waits in the kernel for an answer, and whoever starts it is the one who answers. */
  const tellOwn = (): void => {
    for (const path of ownPrograms()) sensor?.path("own", path);
  };

  const refuse = (digest: Sha256): void => {
    sensor?.forget(digest);
    if (stops(gate.mode)) sensor?.digest(digest, { allow: false, forMs: 0, kind: "exception" });
  };

  /** What holds under every policy. An order may have been finished while agent and sensor did not hear each other. */
  const tellStanding = (): void => {
    for (const digest of denied(state, Date.now())) refuse(digest);
    tellOwn();
  };

  /** Another policy may have the same number: the one on the device, one of the server's, or one that stepped back. */
  const underWhich = (): string => `${gate.policy.number}:${gate.mode}:${policy.from}:${policy.issue ?? ""}`;

  /** What was remembered under another policy is no answer under this one. */
  const forgetAll = (): void => {
    sensor?.forget();
    tellStanding();
    writeMeta(state, "gate-policy", underWhich());
  };

  const applyMode = (): void => {
    noteSealing();
    sensor?.configure(gate.settings());
    forgetAll();
  };

  /** Marking every file system takes a moment: until the sensor says so the device is not told to be under the new policy. */
  const tellChange = (): void => {
    changingFor = sensor !== undefined && hello !== undefined && !hearing.isMissing ? changesWithinWords : 0;
    if (changingFor === 0) tellDevice();
  };

  const hearing = new Hearing({ alarm, changed: tellDevice, processesLost: () => processes.sweep() });

  const listener: SensorListener = {
    hello(now) {
      if (hello !== undefined && hello.pid !== now.pid)
        alarm("restarted", `The sensor was started again: process ${now.pid} after ${hello.pid}.`, {
          release: now.release,
        });
      if (hello !== undefined && rank(now.tier) < rank(hello.tier))
        alarm("degraded", `The sensor's tier fell from ${hello.tier} to ${now.tier}.`, {
          missing: now.missing.join("; ").slice(0, 1000),
        });
      hello = now;
      hearing.heard();
      processes.seed();
      return gate.connected(now);
    },
    ready() {
      if (sensor === undefined || hello === undefined) return;
      if (readMeta(state, "gate-policy") !== underWhich()) forgetAll();
      else tellStanding();
      for (const path of packageManagers()) sensor.path("package manager", path);
      for (const path of corePlaces(gate.policy.gate.core, config.sensorProgram)) sensor.path("core", path);
      for (const path of interpreterPrograms()) sensor.path("interpreter", path);
      // A sensor that remembers nothing does not know what ran here before it.
      if (hello.remembered === 0) for (const path of processes.programs()) sensor.path("ran before", path);
      for (const pid of [process.pid, hello.pid]) sensor.guard({ pid });
      for (const path of guarded(config)) sensor.guard({ path });
      if (telemetry !== undefined) credentials.renew(places.roots());
      tellDevice();
      setTimeout(settle, hashesWithinMs);
    },
    asked: (question) => gate.asked(question),
    gate: (answered) => gate.answered(answered),
    events(events) {
      processes.take(events);
      if (telemetry !== undefined) return telemetry.take(events);
      for (const event of events) if (event.kind === "file" && event.renamed) gate.renamed(event);
    },
    status(now) {
      status = now;
      hearing.heard();
      if (changingFor === 0) return;
      changingFor = now.mode === gate.settings().mode ? 0 : changingFor - 1;
      if (changingFor === 0) tellDevice();
    },
    lost: (lost) => hearing.lost(lost),
    tampered: (tampering) => alarm("tamper", tamperSays(tampering), tamperFacts(tampering)),
    gone(why) {
      hearing.gone(why);
      settle();
    },
  };

  /** What evidence now speaks against is asked about again. */
  const reconsider = (): void => {
    gate.renew();
    files.renew();
    places.renew();
    if (telemetry !== undefined) credentials.look(places.roots());
    names.clear();
    const refuted = state
      .prepare<[], Sha256>("SELECT DISTINCT digest FROM files WHERE standing = 'refuted' AND digest IS NOT NULL")
      .pluck()
      .all();
    for (const digest of refuted) if (!told.has(digest)) sensor?.forget(digest);
    told = new Set(refuted);
  };
  let settling: NodeJS.Timeout | undefined;
  let settle: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });

  const statusNow = (): GateStatus => ({
    mode: gate.mode,
    tier: hello?.tier ?? "P",
    policy: gate.policy.number,
    policyFrom: policy.from,
    ...(policy.fault === undefined ? {} : { policyFault: policy.fault }),
    sensor: hearing.isMissing ? "missing" : hello === undefined ? "not connected yet" : "connected",
    ...(hello === undefined ? {} : { release: hello.release }),
    parts: hello === undefined ? [] : partWords(hello.parts),
    missing: [...(inventoried ? [] : [firstPass]), ...(hello?.missing ?? [])],
    counters: status === undefined ? {} : countersOf(status),
  });
  const control = openControl(config.control, (question) => {
    // A person asks about what has just happened.
    telling.flush();
    return answerPeople(question, {
      state,
      stopped,
      stopHash: config.stopHash,
      now: () => Date.now() as Instant,
      status: statusNow,
      request: (item, reason) => request(item, reason, userName(item.process.uid)),
      forget: (digest) => sensor?.forget(digest),
      release: events.release,
      stop() {
        alarm("stopped", "The agent was stopped on this device, in order.", {});
        telling.flush();
        sensor?.stop(true);
        // The answer has to reach whoever asked.
        process.exitCode = stoppedInOrder;
        setTimeout(events.stop, stopAfterMs);
      },
    });
  });

  if (config.sensor !== undefined) sensor = sensors.linux(config.sensor, listener);

  return {
    settled,
    inventoried() {
      if (inventoried) return;
      inventoried = true;
      applyMode();
      tellChange();
    },
    changed() {
      settling ??= setTimeout(() => {
        settling = undefined;
        reconsider();
      }, settleMs);
    },
    guard: (pid) => sensor?.guard({ pid }),
    isJudging: () => hello !== undefined && !hearing.isMissing && stops(gate.mode),
    tellsFiles: () =>
      hello !== undefined && !hearing.isMissing && telemetry !== undefined && gate.mode !== "off" && seesFiles(hello),
    processChanges: () => (hello === undefined || hearing.isMissing ? undefined : processes.changes),
    descendants: (pid, startTick) => processes.descendants(pid, startTick),
    sensorPid: () => hello?.pid,
    published: () => policy.published(),
    rest: () => telemetry?.rest(),
    forget: (digest) => sensor?.forget(digest),
    refuse,
    close() {
      settle();
      clearTimeout(settling);
      hearing.close();
      policy.close();
      control.close();
      looking.close();
      telling.flush();
      telemetry?.flush();
      sensor?.close();
    },
  };
}

function writerOf({ writer, written }: GateQuestion, processes: ProcessTable, bootToUnix: number): Writer | undefined {
  if (writer === undefined) return undefined;
  const { pid, started, name } = writer.process;
  return {
    pid,
    startedAt: startText(started),
    executable: writer.path || processes.find(pid, started)?.program || name,
    at: Math.max(0, Math.round((written + bootToUnix) / 1e6)) as Instant,
  };
}

const rank = (tier: string): number => ["P", "C", "B", "A"].indexOf(tier);
