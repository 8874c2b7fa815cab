import type { DetectedFinding, Level, LineageProcess } from "@provost/shared/model/detection.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { ActionOrder } from "@provost/shared/model/command.ts";
import { weight } from "../detection/run.ts";
import { baseName } from "@provost/shared/model/work.ts";

/** From findings to the one story that they tell. Pure: the same findings in any order give the same. */

const atLeast = (level: Level, than: Level): boolean => weight[level] >= weight[than];

/** What only adds to a story and never begins one. */
export const opensIncident = ({ level }: DetectedFinding): boolean => atLeast(level, "medium");

/** Where one person's or service's work begins: what hangs below it only because of them has nothing in common. */
const borders = new Set([
  "systemd",
  "init",
  "sshd",
  "sshd-session",
  "login",
  "cron",
  "crond",
  "su",
  "sudo",
  "tmux",
  "screen",
  "containerd-shim",
]);
const isBorder = ({ pid, executable }: LineageProcess): boolean => pid <= 1 || borders.has(baseName(executable));
const installers = /(?:^|\/)(?:npm|npm-cli\.js|npx|yarn|pnpm|pip3?|dpkg|apt|apt-get|rpm|dnf)(?: |$)/;

/** The processes of a story, the nearest first: from the finding's own up to the package manager, or to the one below the border. */
export function storyOf({ lineage }: DetectedFinding): readonly LineageProcess[] {
  const manager = lineage.findIndex(({ command }) => installers.test(command.split(" ").slice(0, 2).join(" ")));
  if (manager >= 0) return lineage.slice(0, manager + 1);
  const border = lineage.findIndex(isBorder);
  const inside = border < 0 ? lineage : lineage.slice(0, border);
  // A shell that somebody sits at started everything they did today.
  const end = inside.findIndex((process, at) => at > 0 && isSittingShell(process));
  return end < 0 ? inside : inside.slice(0, end);
}

const isSittingShell = ({ executable, command }: LineageProcess): boolean =>
  /^(?:ba|z|fi|da|k)?sh$/.test(baseName(executable)) && !/ -c | \//.test(command);

/** Findings that share one of these belong together. */
export function keysOf(finding: DetectedFinding): readonly string[] {
  const { subject } = finding;
  const artefact =
    subject.kind === "file" && subject.sha256 !== undefined
      ? [`digest ${subject.sha256}`]
      : subject.kind === "file"
        ? [`file ${subject.path}`]
        : subject.kind === "package"
          ? [`package ${subject.purl}`]
          : [];
  return [...storyOf(finding).map(({ pid, startedAt }) => `process ${pid}@${startedAt}`), ...artefact].slice(0, 32);
}

export interface Term {
  readonly term: "provenance change" | "behaviour" | "rarity";
  readonly value: number;
  readonly most: number;
  readonly says: string;
}

export interface Story {
  readonly severity: Level;
  readonly score: number;
  readonly terms: readonly Term[];
  readonly sentence: string;
  readonly techniques: readonly string[];
  /** Of the files it is about, at most `mostDigests`. */
  readonly digests: readonly Sha256[];
}

const mostDigests = 20;

/** Digests of the files that findings are about, each once. */
const digestsOf = (findings: readonly DetectedFinding[]): readonly Sha256[] =>
  [
    ...new Set(
      findings.flatMap(({ subject }) =>
        subject.kind === "file" && subject.sha256 !== undefined ? [subject.sha256] : [],
      ),
    ),
  ].slice(0, mostDigests);

/** `findings` is not empty. */
export function tell(findings: readonly DetectedFinding[]): Story {
  const ordered = findings.toSorted(
    (a, b) => weight[b.level] - weight[a.level] || a.at - b.at || (a.id < b.id ? -1 : 1),
  );
  const [strongest] = ordered;
  if (strongest === undefined) throw new RangeError("an incident without findings");
  const strong = new Set(findings.filter(({ level }) => atLeast(level, "high")).map(({ rule }) => rule.id));
  // Two different strong signs in one story are more than either: nobody reads credentials and plants a unit by accident.
  const severity: Level = strong.size >= 2 ? "critical" : strongest.level;
  const change = Math.max(0, ...findings.map(({ provenanceChange = 0 }) => provenanceChange));
  const rarity = Math.max(...findings.map(({ rarity: rare = 0.5 }) => rare));
  const rules = new Set(findings.map(({ rule }) => rule.id));
  const behaviour = Math.min(1, weight[severity] / 4 + 0.05 * (rules.size - 1));
  const terms: readonly Term[] = [
    {
      term: "provenance change",
      value: round(0.5 + 0.5 * change),
      most: 1,
      says:
        change === 0
          ? "Nothing is known to have changed about where the bytes come from; that never excuses what they do."
          : `Where the bytes come from changed, or nothing claims them (${change} of 1).`,
    },
    {
      term: "behaviour",
      value: round(behaviour),
      most: 1,
      says: `${findings.length} ${findings.length === 1 ? "finding" : "findings"} of ${rules.size} ${rules.size === 1 ? "rule" : "rules"}, the strongest ${strongest.level}: ${strongest.rule.title}.`,
    },
    {
      term: "rarity",
      value: round(0.5 + 0.5 * rarity),
      most: 1,
      says: rareSays(findings, rarity),
    },
  ];
  const product = terms.reduce((sum, { value }) => sum * value, 100);
  const others = [
    ...new Set(
      ordered
        .slice(1)
        .filter(({ rule }) => rule.id !== strongest.rule.id)
        // Within a sentence: "Also: a service started a shell".
        .map(({ rule: { title } }) => title.replace(/^[A-Z](?=[a-z ])/, (first) => first.toLowerCase())),
    ),
  ];
  return {
    severity,
    score: Math.round(product),
    terms,
    sentence: `${strongest.sentence}${others.length === 0 ? "" : ` Also: ${others.slice(0, 5).join("; ")}.`}`.slice(
      0,
      2000,
    ),
    techniques: [...new Set(findings.flatMap(({ techniques }) => techniques))].toSorted().slice(0, 50),
    digests: digestsOf(ordered),
  };
}

/** What of it is as rare as the whole story is taken to be. */
function rareSays(findings: readonly DetectedFinding[], rarity: number): string {
  const rarest = findings.find(({ rarity: rare, usual = [] }) => rare === rarity && usual.length > 0);
  return `How rare it is on this fleet: ${rarity} of 1. ${(rarest?.usual ?? ["No habit of the fleet is kept about it."]).join(" ")}`
    .trimEnd()
    .slice(0, 1000);
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** What these rules are about is the file itself. */
const sealed = new Set(["provost.drop-and-execute", "provost.indicator"]);

export interface Suggestion {
  readonly title: string;
  readonly why: string;
  readonly order: ActionOrder;
}

/**
 * What fits a story, in the order in which it is to be done: stop what runs, seal what it brought, keep it from starting elsewhere, and
 * only then cut the network. Nothing for what is not at least high: looking is enough there.
 */
export function planFor(severity: Level, findings: readonly DetectedFinding[]): readonly Suggestion[] {
  if (!atLeast(severity, "high")) return [];
  const strong = findings.filter(({ level }) => atLeast(level, "high"));
  const kills = new Map<string, Suggestion>();
  for (const finding of strong) {
    const target = targetOf(finding);
    if (target === undefined) continue;
    const { pid, startedAt, executable } = target;
    kills.set(`${pid}@${startedAt}`, {
      title: `Kill ${baseName(executable)} (${pid}) and what it started`,
      why: finding.rule.title,
      order: { action: "kill-process-tree", process: { pid, startedAt }, executable },
    });
  }
  const seals = new Map<string, readonly Suggestion[]>();
  for (const { subject, rule } of strong) {
    if (subject.kind !== "file" || subject.sha256 === undefined || !sealed.has(rule.id)) continue;
    const { path, sha256 } = subject;
    seals.set(sha256, [
      {
        title: `Quarantine ${path}`,
        why: rule.title,
        order: { action: "quarantine-file", root: "", path, sha256 },
      },
      {
        title: `Keep ${baseName(path)} from starting`,
        why: rule.title,
        order: { action: "block-digest", sha256 },
      },
    ]);
  }
  const left = findings.some(
    ({ rule, level }) => rule.id === "provost.install-hook-network" && atLeast(level, "medium"),
  );
  const isolate: readonly Suggestion[] =
    severity === "critical" && left
      ? [
          {
            title: "Isolate the device",
            why: "What runs there talked to somebody it had no reason to talk to.",
            order: { action: "isolate-host", except: [] },
          },
        ]
      : [];
  return [...kills.values(), ...[...seals.values()].flat(), ...isolate].slice(0, 20);
}

/** Which process to stop: what the package manager started, or the one that did it. Never the service that was abused, nor the manager. */
function targetOf(finding: DetectedFinding): LineageProcess | undefined {
  const story = storyOf(finding);
  const last = story.at(-1);
  if (last === undefined) return undefined;
  const isInstall = installers.test(last.command.split(" ").slice(0, 2).join(" "));
  return isInstall ? story.at(-2) : story[0];
}

export interface TreeRow extends LineageProcess {
  readonly parent?: string;
  readonly depth: number;
  readonly at: number;
  readonly findings: readonly string[];
}

/** Every process of the findings, indented below who started it; brothers in the order of their start. */
export function treeOf(findings: readonly DetectedFinding[]): readonly TreeRow[] {
  const rows = new Map<
    string,
    { process: LineageProcess; parent: string | undefined; at: number; findings: string[] }
  >();
  const key = ({ pid, startedAt }: LineageProcess): string => `${pid}@${startedAt}`;
  for (const finding of findings)
    for (const [place, process] of finding.lineage.entries()) {
      const above = finding.lineage[place + 1];
      const known = rows.get(key(process));
      const row = known ?? {
        process,
        parent: above === undefined ? undefined : key(above),
        at: finding.at,
        findings: [],
      };
      row.at = Math.min(row.at, finding.at);
      if (place === 0 && !row.findings.includes(finding.id)) row.findings.push(finding.id);
      // The fullest account of a process is the one shown.
      if (known !== undefined && process.command.length > known.process.command.length) row.process = process;
      rows.set(key(process), row);
    }
  const shown: TreeRow[] = [];
  const walk = (parent: string | undefined, depth: number): void => {
    const below = [...rows.entries()]
      .filter(([, row]) => (row.parent !== undefined && rows.has(row.parent) ? row.parent : undefined) === parent)
      .toSorted(([, a], [, b]) => Number(a.process.startedAt) - Number(b.process.startedAt));
    for (const [name, { process, at, findings: ids }] of below) {
      if (shown.length >= 500 || depth > 64) return;
      shown.push({ ...process, ...(parent === undefined ? {} : { parent }), depth, at, findings: ids });
      walk(name, depth + 1);
    }
  };
  walk(undefined, 0);
  return shown;
}
