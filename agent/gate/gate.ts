import type { FileEvent, GateAnswered, GateQuestion, ProcessStamp, SensorHello } from "@provost/shared/model/event.ts";
import type { GateMode, Tier } from "@provost/shared/model/gate.ts";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { Verdict } from "@provost/shared/model/verdict.ts";
import { gateDecision, type GateDecision as Ruling } from "@provost/shared/policy/gate-decision.ts";
import { modeFor, outcomesFor, stops } from "@provost/shared/policy/gate.ts";
import { originOf } from "@provost/shared/policy/origin.ts";
import { noticeText } from "@provost/shared/policy/notice.ts";
import type { Policy } from "@provost/shared/policy/rules.ts";
import type { Situation } from "@provost/shared/policy/situation.ts";
import type { GateDecision } from "@provost/shared/protocol/gate-frames.ts";
import type { Answer, SensorSettings } from "../sensors/sensor.ts";
import type { State } from "../state/state.ts";
import { approvalOf } from "./approvals.ts";
import { denialOf } from "./denials.ts";
import { AskedJudge, generatedHere, keptByDpkg, notInTime, notRead } from "./judge-asked.ts";
import type { Judged } from "./judge-asked.ts";
import { KeptScripts } from "./kept-scripts.ts";
import { Lineage } from "./lineage.ts";
import type { Looking } from "./looking.ts";
import { Places } from "./places.ts";
import { commandText, type ProcessTable } from "./process-table.ts";
import type { StoppedFiles } from "./stopped.ts";
import type { Telling } from "./tell.ts";

/** Denials are remembered so long: an approval helps after it at the latest. */
const denyMs = 2000;
/** An agent that was not heard of for so long is gone. It says every second that it lives. */
const agentGoneMs = 4000;
/** The answer has to travel, too. */
const spareMs = 100;

export interface GateParts {
  readonly state: State;
  readonly processes: ProcessTable;
  readonly stopped: StoppedFiles;
  readonly telling: Telling;
  readonly looking: Pick<Looking, "at">;
  readonly device: { readonly id: string; readonly groups: readonly string[] };
  /** A whole pass over this device has ended once: before, nothing could claim what starts, not even the machine's own programs. */
  inventoried(): boolean;
  /** Since when new files that are blocked here are sealed away; undefined: they are not. */
  sealingSince(): number | undefined;
  now(): Instant;
  userName(uid: number): string;
  /** The sensor's connection; called before anything is written down. */
  answer(id: bigint, answer: Answer): void;
  /** Something was stopped or held: the person may not sit at the terminal. */
  told(item: GateDecision, notice: string): void;
  request(item: GateDecision): void;
  /** What a file that was asked about is worth. */
  judged(question: GateQuestion, sha256: Sha256, verdict: Verdict, purl: string | undefined): void;
  /** Judging itself failed: a fault of ours. */
  failed(path: string, cause: unknown): void;
}

/** From a question of the kernel to its answer, and then to what is told of it. */
export class Gate {
  readonly #parts: GateParts;
  readonly #judge: AskedJudge;
  readonly #places: Places;
  readonly #lineage: Lineage;
  readonly #scripts: KeptScripts;
  #policy: Policy;
  #hello: Pick<SensorHello, "tier" | "bootToUnix"> = { tier: "P", bootToUnix: 0 };

  constructor(parts: GateParts, policy: Policy) {
    this.#parts = parts;
    this.#policy = policy;
    this.#judge = new AskedJudge(parts.state);
    this.#places = new Places(parts.state);
    this.#lineage = new Lineage(parts.state, this.#places, parts.processes);
    this.#scripts = new KeptScripts(parts.state, parts.processes);
  }

  get mode(): GateMode {
    const mode = modeFor(this.#policy.gate, this.#parts.device.groups);
    return stops(mode) && !this.#parts.inventoried() ? "record" : mode;
  }

  get tier(): Tier {
    return this.#hello.tier;
  }

  get policy(): Policy {
    return this.#policy;
  }

  use(policy: Policy): void {
    this.#policy = policy;
  }

  connected(hello: SensorHello): SensorSettings {
    this.#hello = hello;
    return this.settings();
  }

  settings(): SensorSettings {
    const { gate } = this.#policy;
    const mode = this.mode;
    return {
      mode: mode === "quarantine" ? "block" : mode,
      libraries: gate.libraries,
      scripts: gate.scripts,
      syscalls: gate.syscalls,
      files: true,
      events: mode !== "off",
      deadlineMs: gate.deadlineMs,
      agentGoneMs,
      denyMs,
      when: outcomesFor(gate, mode),
    };
  }

  /** The tables have changed: by a pass, a proof, a document. */
  renew(): void {
    this.#places.renew();
    this.#lineage.renew();
  }

  /** dpkg puts a package's scripts where it keeps them by giving them their names. */
  renamed(event: FileEvent): void {
    this.#scripts.renamed(event, this.#places.split(event.path), this.#parts.now());
  }

  asked(question: GateQuestion): void {
    try {
      this.#ask(question);
    } catch (cause) {
      // No answer is an answer of the policy's: what happens when one is late.
      this.#parts.failed(question.path, cause);
    }
  }

  #ask(question: GateQuestion): void {
    const { digest } = question;
    const place = this.#places.split(question.path);
    const now = this.#parts.now();
    if (digest === undefined)
      return this.#decide({ question, place, verdict: notRead(question.path), byPlace: true, now });
    const denial = denialOf(this.#parts.state, digest, now);
    if (denial !== undefined && stops(this.mode)) return this.#deny(question, digest, place, denial, now);
    const judged = this.#judge.judge(question, digest, place, now);
    const made = this.#made(question, digest, place, judged, now);
    if (made !== undefined || !judged.isWorthALook) return this.#settle(question, digest, place, judged, made, now);
    this.#look(question, digest, place, judged).catch((cause: unknown) => this.#parts.failed(question.path, cause));
  }

  /** The books may know these bytes; whoever asks waits as long as its deadline lets it. */
  async #look(question: GateQuestion, digest: Sha256, place: Place, judged: Judged): Promise<void> {
    const patience = Math.max(0, (question.deadline - question.time) / 1e6 - spareMs);
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<"late">((resolve) => {
      late = setTimeout(() => resolve("late"), patience);
    });
    const looked = await Promise.race([this.#parts.looking.at(question.path), tooLate]);
    clearTimeout(late);
    const now = this.#parts.now();
    if (looked === "late")
      return this.#decide({ question, place, verdict: notInTime(judged.facts), byPlace: true, now });
    this.renew();
    this.#settle(question, digest, place, this.#judge.judge(question, digest, place, now), undefined, now);
  }

  /** An order refuses these bytes: no verdict, no lineage and no exception is asked. */
  #deny(question: GateQuestion, digest: Sha256, place: Place, command: string, now: Instant): void {
    const code = this.#parts.stopped.codeFor(digest, question.path);
    const why = `${place.root}${place.path} is blocked on this device by order ${command}.`;
    const notice = `Stopped: ${why}\n  Why:  provost why ${code}`;
    this.#parts.answer(question.id, { allow: false, forMs: denyMs, kind: "verdict", remember: "digest", notice });
    setImmediate(() => {
      const { verdict } = this.#judge.judge(question, digest, place, now);
      const item: GateDecision = {
        ...this.#item(question, place, verdict, code, now),
        allowed: false,
        action: "block",
        cause: "order",
        why,
        count: 1,
      };
      this.#parts.telling.decision(item);
      this.#parts.told(item, notice);
    });
  }

  /** Lineage ranks last: it is asked about only where nothing else vouches for the bytes or speaks against them. */
  #made(
    question: GateQuestion,
    digest: Sha256,
    place: Place,
    { verdict, facts }: Judged,
    now: Instant,
  ): MadeHere | undefined {
    if (verdict.standing !== "unproven" || (verdict.basis !== "none" && verdict.basis !== "claimed")) return undefined;
    const { hours, ...more } = this.#policy.gate.lineage;
    if (hours <= 0) return undefined;
    const made = this.#lineage.of(question, digest, hours, more, now);
    if (made !== undefined) {
      const { maker, at, until } = made;
      const isNew = at === now;
      const keep = (): void => this.#lineage.keep(digest, place, made, now);
      return { verdict: generatedHere(facts, maker, at), until, byPlace: false, ...(isNew ? { keep } : {}) };
    }
    const kept = this.#scripts.of(place, digest);
    if (kept === undefined) return undefined;
    // It holds as long as the package is there: it is only asked about again after these hours.
    const until = (now + hours * 3_600_000) as Instant;
    return { verdict: keptByDpkg(place.path, kept), until, byPlace: true };
  }

  #settle(
    question: GateQuestion,
    digest: Sha256,
    place: Place,
    { verdict, facts, byPlace }: Judged,
    made: MadeHere | undefined,
    now: Instant,
  ): void {
    if (made === undefined) return this.#decide({ question, digest, place, verdict, facts, byPlace, now });
    this.#decide({ question, digest, place, verdict: made.verdict, facts, byPlace: made.byPlace, now, made });
  }

  /** The kernel's answer first; then what is written down and told. */
  #decide(case_: Case): void {
    const { question, digest, verdict, now, made } = case_;
    const policy = this.#policyFor(digest, now);
    const ruling = gateDecision(
      {
        situation: this.#situation(case_),
        mode: this.mode,
        now,
        byPlace: case_.byPlace,
        isNew: this.#isNew(question),
        denyMs,
        ...(made === undefined ? {} : { lineageUntil: made.until }),
      },
      policy,
    );
    // Also where they were not judged in time: the code stands for the bytes that were stopped.
    const code = this.#parts.stopped.codeFor(question.digest, question.path);
    const notice = ruling.notice ? noticeText(ruling, verdict, question.path, code) : undefined;
    const { allow, forMs, kind, remember } = ruling;
    this.#parts.answer(question.id, { allow, forMs, kind, remember, ...(notice === undefined ? {} : { notice }) });
    if (digest !== undefined) this.#parts.judged(question, digest, verdict, case_.facts?.records[0]?.purl);
    setImmediate(() => this.#afterwards(case_, ruling, code, notice));
  }

  #policyFor(digest: Sha256 | undefined, now: Instant): Policy {
    const approval = digest === undefined ? undefined : approvalOf(this.#parts.state, digest, now);
    return approval === undefined
      ? this.#policy
      : { ...this.#policy, exceptions: [approval, ...this.#policy.exceptions] };
  }

  #situation({ question, digest, place, verdict, facts }: Case): Situation {
    const purl = facts?.records[0]?.purl;
    return {
      verdict,
      device: this.#parts.device,
      file: {
        path: place.root + place.path,
        sha256: digest ?? ("" as Sha256),
        user: this.#parts.userName(question.who.user),
        privileged: (question.mode & setIdBits) !== 0,
        listening: false,
        ...originOf(verdict),
        ...(purl === undefined ? {} : { package: purl }),
      },
    };
  }

  /** Its inode changed after sealing began: nobody can set that time back. */
  #isNew({ access, file }: GateQuestion): boolean {
    const since = this.#parts.sealingSince();
    return since !== undefined && (access === "exec" || access === "script") && file.changed / 1e6 > since;
  }

  #afterwards(case_: Case, ruling: Ruling, code: string, notice: string | undefined): void {
    const { question, place, made, now, verdict } = case_;
    made?.keep?.();
    const isPlain = ruling.allow && ruling.action === "allow" && ruling.cause === "allowed";
    if (isPlain) return;
    const item: GateDecision = {
      ...this.#item(question, place, verdict, code, now),
      allowed: ruling.allow,
      action: ruling.action,
      ...(ruling.would === undefined ? {} : { would: ruling.would }),
      cause: ruling.cause,
      ...(ruling.rule === undefined ? {} : { rule: ruling.rule.slice(0, 200) }),
      why: ruling.why.slice(0, 2000),
      count: 1,
    };
    this.#parts.telling.decision(item);
    if (!ruling.allow && notice !== undefined) this.#parts.told(item, notice);
    if (ruling.request) this.#parts.request(item);
  }

  /** What the sensor did without us. A failure of ours is told each time; what it remembered is not. */
  answered(answered: GateAnswered): void {
    if (answered.cause === "answer" || answered.cause === "remembered" || answered.cause === "digest") return;
    if (answered.cause === "core" && answered.allowed) return;
    const place = this.#places.split(answered.path);
    const now = this.#parts.now();
    const verdict: Verdict =
      answered.digest === undefined ? notRead(answered.path) : notJudged(answered.path, answered.cause);
    const code = this.#parts.stopped.codeFor(answered.digest, answered.path);
    this.#parts.telling.decision({
      ...this.#item(answered, place, verdict, code, now),
      allowed: answered.allowed,
      action: answered.allowed ? "record" : "block",
      cause: answered.cause,
      why: verdict.says,
      count: Math.max(1, answered.count),
    });
  }

  #item(
    about: Pick<GateQuestion, "who" | "path" | "digest" | "access" | "executable">,
    { root, path }: Place,
    { standing, basis }: Verdict,
    code: string,
    at: Instant,
  ): Omit<GateDecision, "allowed" | "action" | "cause" | "why" | "count"> {
    return {
      at,
      code,
      path,
      root,
      ...(about.digest === undefined ? {} : { sha256: about.digest }),
      access: about.access,
      process: this.#asker(about.who, about.executable),
      policy: this.#policy.number,
      mode: this.mode,
      tier: this.#hello.tier,
      standing,
      basis,
    };
  }

  #asker(who: ProcessStamp, executable: string): GateDecision["process"] {
    const known = this.#parts.processes.find(who.pid, who.started);
    const command = commandText(known?.words ?? "");
    return {
      pid: who.pid,
      startedAt: Math.max(0, Math.round((who.started + this.#hello.bootToUnix) / 1e6)),
      uid: who.user,
      ...(who.loginUser === undefined ? {} : { loginUid: who.loginUser }),
      executable: executable === "" ? (known?.program ?? "") : executable,
      ...(command === "" ? {} : { command }),
    };
  }
}

interface Place {
  readonly root: string;
  readonly path: string;
}

interface Case {
  readonly question: GateQuestion;
  readonly digest?: Sha256;
  readonly place: Place;
  readonly verdict: Verdict;
  readonly facts?: Judged["facts"];
  readonly byPlace: boolean;
  readonly now: Instant;
  readonly made?: MadeHere;
}

/** What speaks for a file only because of who made it on this device. */
interface MadeHere {
  readonly verdict: Verdict;
  readonly until: Instant;
  readonly byPlace: boolean;
  /** Writes down what was seen just now. */
  readonly keep?: () => void;
}

const setIdBits = 0o6000;

const causeWords: Readonly<Record<GateAnswered["cause"], string>> = {
  answer: "it was answered",
  remembered: "it was remembered",
  digest: "its digest was known",
  core: "it belongs to the core that always starts",
  late: "the answer did not come in time",
  overloaded: "too many files were asked about at once",
  unreadable: "the file could not be read",
  "agent-gone": "the agent was not there",
  restarted: "the sensor had just started",
  unseen: "nobody was asked about it before the kernel ran it",
  changed: "it was changed after its answer",
};

const notJudged = (path: string, cause: GateAnswered["cause"]): Verdict => ({
  standing: "unchecked",
  basis: "deadline",
  wanted: "an answer of the agent",
  says: `${path} was not judged: ${causeWords[cause]}.`,
  chain: [],
});
