import { closeSync, constants, openSync, readSync } from "node:fs";
import { hostname } from "node:os";
import { basename, resolve } from "node:path";
import { pathText } from "@provost/shared/lib/path-text.ts";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { instant, type Instant } from "@provost/shared/model/ids.ts";
import type { Judged, Verdict } from "@provost/shared/model/verdict.ts";
import { decide, type Decision } from "@provost/shared/policy/decide.ts";
import { explain } from "@provost/shared/policy/explain.ts";
import type { Situation } from "@provost/shared/policy/situation.ts";
import type { Components } from "@provost/shared/provenance/components.ts";
import { componentsIn } from "@provost/shared/provenance/components-in.ts";
import type { Evidence } from "@provost/shared/provenance/format.ts";
import { embeddedFormats } from "@provost/shared/provenance/formats/index.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import type { Trust } from "@provost/shared/provenance/trust.ts";
import { maxEvidence, verify } from "@provost/shared/provenance/verify.ts";
import { documentsHeld, type HeldDocument } from "../provenance/attested.ts";
import { documentsAt, namesBeside, openFolder, relevantFirst } from "../provenance/documents.ts";
import { readGivenKey, type GivenKey } from "../provenance/given-key.ts";
import { judgeAt } from "../provenance/judge-at.ts";
import { ownerTrust } from "../provenance/owner-trust.ts";
import { readSubject } from "../provenance/read-subject.ts";
import type { State } from "../state/state.ts";
import { askedCriteria, askedPackage, askedTime } from "./asked-criteria.ts";
import { combineVerdicts } from "./combine-verdicts.ts";
import { containingArchive, type ContainingArchive } from "./containing-archive.ts";
import type { Looked } from "./look-at.ts";
import { policyAt } from "./policy.ts";
import type { Request } from "./request.ts";
import { situationOf } from "./situation-of.ts";
import type { VerifyQuestion } from "./verify-options.ts";

/** What was asked, ready for use: documents read, keys imported. It judges any number of files. */
export interface DocumentJudge {
  /** For a person, before the first result. */
  readonly lines: readonly string[];
  /** The same for a program, with every result. */
  readonly criteria: Readonly<Record<string, unknown>>;
  judge(path: Buffer, looked: Looked): Promise<Answer>;
  /** The same, with the five components where a bundle proves the file. */
  explain(path: Buffer, looked: Looked): Promise<Answer>;
}

export interface Answer {
  readonly verdict: Verdict;
  /** What this device's own records and proofs say, under the trust and at the time that were asked. */
  readonly installed?: Verdict;
  readonly documents: Judged;
  readonly read: readonly { readonly name: string; readonly sha256: string }[];
  /** Documents that could not be read at all. */
  readonly unread: readonly string[];
  readonly decision?: Decision;
  readonly explained?: readonly [string, string];
  readonly components?: Components;
}

export async function openDocumentJudge(
  request: Request,
  asked: VerifyQuestion,
  state: State | undefined,
): Promise<DocumentJudge> {
  const path = (name: string): string => resolve(request.cwd, name);
  const keys = await Promise.all((asked.key ?? []).map((key) => readGivenKey(key, path)));
  const criteria = askedCriteria(asked, keys);
  const policy = asked.policy === undefined ? undefined : policyAt(request.cwd, asked.policy);
  const { trust: owners, from } = ownerTrust(asked.trust, path, state, policy);
  const trust = withKeys(owners, keys);
  const named = (asked.bundle ?? []).flatMap((name) => documentsAt(path(name)));
  const folder = asked.evidence === undefined ? undefined : openFolder(path(asked.evidence));
  const at = asked.at === undefined ? undefined : askedTime(asked.at);
  const whole = askedPackage(asked.package);
  const ofPackage = whole?.version === undefined ? undefined : { ...whole, version: whole.version };
  const expected = Object.keys(criteria).length > 0;

  const now = (): Instant => at ?? instant(request.now());
  const evidenceAbout = (file: Buffer, subject: Subject, found: readonly Evidence[]): readonly Evidence[] => {
    const held = state === undefined ? [] : documentsHeld(state, subject.sha256).map(evidenceHeld);
    const all = distinct([...found, ...held, ...itself(file, subject), ...named, ...(folder?.about(subject) ?? [])]);
    return relevantFirst(all, subject, maxEvidence);
  };
  const read = (file: Buffer) => {
    const subject = readSubject(file, {
      name: basename(pathText(file)),
      ...(ofPackage === undefined ? {} : { package: ofPackage }),
    });
    const beside = besides(file);
    const evidence = evidenceAbout(file, subject, beside.found);
    const unread = [...beside.unread, ...(folder?.unread ?? [])];
    return { question: { subject, criteria, trust, now: now() }, evidence, unread };
  };
  const archive = ((): ContainingArchive | undefined => {
    if (asked.in === undefined) return undefined;
    const place = path(asked.in);
    const { question, evidence } = read(Buffer.from(place));
    const judged = (): Promise<Judged> => verify(question.subject, evidence, criteria, trust, question.now);
    return containingArchive(place, question.subject.sha256, judged, request.stop);
  })();
  const judge = async ({ question, evidence, unread }: ReturnType<typeof read>, looked: Looked): Promise<Answer> => {
    const { subject } = question;
    const own = await verify(subject, evidence, criteria, trust, question.now);
    const documents =
      archive === undefined ? own : { ...own, verdict: await archive.verdictOn(subject.sha256, own.verdict) };
    const installed = await installedVerdict(looked, asked, state, owners, question.now);
    const verdict = combineVerdicts(installed, documents.verdict, expected);
    const names = evidence.map(({ name, sha256 }) => ({ name: name ?? "", sha256 }));
    const answer = { verdict, documents, read: names, unread, ...(installed === undefined ? {} : { installed }) };
    if (policy === undefined) return answer;
    const device = { id: hostname(), groups: asked.forGroup ?? [] };
    const situation: Situation = situationOf(verdict, looked, subject, device);
    const decision = decide(situation, policy, question.now);
    return { ...answer, decision, explained: explain(decision, situation) };
  };

  return {
    lines: criteriaLines(asked, `${trust.version} (${from})`, expected),
    criteria: {
      trust: trust.version,
      expected: said(asked),
      in: asked.in ?? null,
      policy: policy?.number ?? null,
      at: at ?? null,
    },
    judge: (file, looked) => judge(read(file), looked),
    async explain(file, looked) {
      const gathered = read(file);
      const answer = await judge(gathered, looked);
      const rests = new Set(
        answer.documents.verdict.chain.flatMap((link) => (link.evidence ?? []).map(({ sha256 }) => sha256)),
      );
      const [best] = gathered.evidence.filter(({ sha256 }) => rests.has(sha256));
      const components = best === undefined ? undefined : await componentsIn(best, gathered.question);
      return components === undefined ? answer : { ...answer, components };
    },
  };
}

/** As of a time, records of this device count for nothing: they carry none. */
async function installedVerdict(
  looked: Looked,
  { at, trust: named }: VerifyQuestion,
  state: State | undefined,
  trust: Trust,
  now: Instant,
): Promise<Verdict | undefined> {
  if (at === undefined && named === undefined) return looked.verdict;
  if (state !== undefined) return judgeAt(state, looked.facts, trust, now);
  return at === undefined ? looked.verdict : undefined;
}

/** Who asks for certain keys trusts them and no others of their kind. */
function withKeys(trust: Trust, given: readonly GivenKey[]): Trust {
  const keys = given.flatMap((one) => (one.kind === "keys" ? one.keys : []));
  const openpgp = given.flatMap((one) => (one.kind === "keyring" ? [one.keyring] : []));
  return {
    ...trust,
    keys: [...keys, ...trust.keys],
    openpgp: openpgp.length === 0 ? trust.openpgp : openpgp,
  };
}

const evidenceHeld = ({ sha256, name, bytes }: HeldDocument): Evidence => ({
  sha256,
  bytes,
  ...(name === null ? {} : { name }),
});

/** A jar or a NuGet package may carry its signature inside: then it is a document about itself. */
function itself(file: Buffer, subject: Subject): readonly Evidence[] {
  const bytes = isZip(file) ? subject.bytes : undefined;
  if (bytes === undefined) return [];
  const evidence = { bytes, sha256: subject.sha256, ...(subject.name === undefined ? {} : { name: subject.name }) };
  return embeddedFormats.some((format) => format.recognises(evidence)) ? [evidence] : [];
}

/** APPNOTE 4.3.7. Four bytes are read before a large file is. */
function isZip(file: Buffer): boolean {
  const handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const head = Buffer.alloc(4);
    return readSync(handle, head, 0, 4, 0) === 4 && head.equals(Buffer.from("PK\u0003\u0004", "latin1"));
  } finally {
    closeSync(handle);
  }
}

function besides(file: Buffer): { readonly found: readonly Evidence[]; readonly unread: readonly string[] } {
  const unread: string[] = [];
  const found = namesBeside(file).flatMap((name) => {
    try {
      return documentsAt(name);
    } catch (cause) {
      if (!(cause instanceof AppError)) throw cause;
      unread.push(cause.message);
      return [];
    }
  });
  return { found, unread };
}

function distinct(evidence: readonly Evidence[]): readonly Evidence[] {
  return [...new Map(evidence.map((one) => [one.sha256, one])).values()];
}

const expectations = [
  "source",
  "branch",
  "tag",
  "versionedTag",
  "commit",
  "builder",
  "input",
  "minLevel",
  "package",
  "issuer",
  "identity",
  "identityPattern",
  "key",
] as const satisfies readonly (keyof VerifyQuestion)[];

const said = (asked: VerifyQuestion): Readonly<Record<string, unknown>> =>
  Object.fromEntries(expectations.flatMap((name) => (asked[name] === undefined ? [] : [[name, asked[name]]])));

function criteriaLines(asked: VerifyQuestion, trust: string, expected: boolean): readonly string[] {
  const wanted = Object.entries(said(asked)).map(([name, value]) => `${name} ${String(value)}`);
  const from = [
    ...(asked.bundle ?? []),
    ...(asked.evidence === undefined ? [] : [`the folder ${asked.evidence}`]),
    "what lies beside or inside each file",
  ];
  return [
    `Documents    ${from.join(", ")}; no network is asked`,
    `Trusted      ${trust}`,
    `Expected     ${expected ? wanted.join(", ") : "nothing beyond that"}`,
    ...(asked.in === undefined ? [] : [`Inside       ${asked.in}, judged like a file of its own`]),
    ...(asked.policy === undefined ? [] : [`Policy       ${asked.policy}`]),
    ...(asked.at === undefined
      ? []
      : [`At           ${asked.at}, by documents; what archives' indices proved is taken as it is held now`]),
  ];
}
