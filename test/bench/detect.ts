import { existsSync } from "node:fs";
import { join } from "node:path";
import { openEngine } from "@provost/server/detection/engine.ts";
import { linuxEvents } from "@provost/server/detection/sigma/fields/linux.ts";
import { readRuleFolder } from "@provost/server/detection/sigma/folder.ts";
import { loadRules, type RuleFile } from "@provost/server/detection/sigma/rule-set.ts";
import { vectorsRoot } from "../conformance/vectors.ts";
import { execEvents } from "./detect-events.ts";
import { median, round, type Goal, type Options, type Result } from "./result.ts";

const runs = 5;
const wanted = 15_000;
const defaultEvents = 20_000;

/**
 * Observed program starts through mapping and every loaded rule, by the processor time of the process: what one core does. Inside:
 * each observation becomes three events (process_creation, EXECVE, SYSCALL), each meets all rules, findings are made whole. Outside:
 * loading the rules, a first run for the compiler, and making the observations. The rules are SigmaHQ's for Linux where PROVOST_VECTORS has them.
 */
export async function run({ say, size }: Options): Promise<Result> {
  const observed = execEvents(size ?? defaultEvents);
  const files = ruleFiles();
  say(`${files.length} files of rules`);
  const few = measure(files, observed);
  say(`${few.rules} rules: ${Math.round(few.perSecond)} program starts a second`);
  const many = measure([...files, ...Array.from({ length: 2500 }, (_, at) => madeUp(at))], observed);
  return {
    name: "detect",
    figures: {
      rules: few.rules,
      "rules of the set": files.some(({ path }) => path.startsWith("made-up")) ? "made up" : "SigmaHQ, Linux",
      "program starts": observed.length,
      findings: few.findings,
      "microseconds for each start": round(1e6 / few.perSecond, 2),
      "slowest and fastest run (starts/s)": `${Math.round(few.slowest)} ${Math.round(few.fastest)}`,
      "loading the rules (ms)": round(few.loading),
      "with 2,500 rules more, for other programs (starts/s)": Math.round(many.perSecond),
    },
    goals: [atLeast("program starts a second and core through all rules", wanted, few.perSecond, "starts/s")],
  };
}

const atLeast = (goal: string, wanted: number, got: number, unit: string): Goal => ({
  goal,
  wanted,
  got: Math.round(got),
  unit,
  holds: Number.isFinite(got) && got >= wanted,
});

interface Measured {
  readonly rules: number;
  readonly findings: number;
  readonly loading: number;
  readonly perSecond: number;
  readonly slowest: number;
  readonly fastest: number;
}

function measure(files: readonly RuleFile[], observed: ReturnType<typeof execEvents>): Measured {
  const before = performance.now();
  const set = loadRules(files, new Map());
  const engine = openEngine(set);
  const loading = performance.now() - before;
  const rates: number[] = [];
  let findings = 0;
  for (let number = 0; number <= runs; number++) {
    findings = 0;
    const started = process.cpuUsage();
    for (const one of observed) for (const event of linuxEvents(one)) findings += engine.feed(event).length;
    const { user, system } = process.cpuUsage(started);
    const seconds = (user + system) / 1e6;
    if (number > 0) rates.push(observed.length / seconds);
  }
  return {
    rules: set.rules.length,
    findings,
    loading,
    perSecond: median(rates),
    slowest: Math.min(...rates),
    fastest: Math.max(...rates),
  };
}

function ruleFiles(): readonly RuleFile[] {
  const folder = join(vectorsRoot, "detection", "sigma", "linux-rules");
  return existsSync(folder) ? readRuleFolder(folder).files : Array.from({ length: 250 }, (_, at) => madeUp(at));
}

/** In the shape of SigmaHQ's: a program, words of its command line, a filter. */
function madeUp(at: number): RuleFile {
  const text = `title: Made up ${at}
id: 00000000-0000-4000-8000-${String(at).padStart(12, "0")}
author: nobody
logsource: { product: linux, category: process_creation }
detection:
    selection_img:
        - Image|endswith: ['/tool${at}', '/sh']
        - CommandLine|contains: ' run-tool${at} '
    selection_cli:
        CommandLine|contains|all: [' --secret${at}', 'word${at % 7}']
    filter_main_user:
        User: 'service${at}'
    condition: all of selection_* and not 1 of filter_main_*
level: high
`;
  return { path: `made-up/${at}.yml`, text };
}
