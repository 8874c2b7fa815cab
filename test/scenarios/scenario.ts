import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

/** Supply-chain incidents that happened, done again harmlessly in the lab, and what Provost makes of them. */

const here = import.meta.dirname;
const top = join(here, "../..");

const expected = z.strictObject({
  id: z.string(),
  /** The rule that has to find it, and others that have to find their part. */
  finding: z.string(),
  also: z.array(z.string()).default([]),
  severity: z.string(),
  /** Orders that have to be verified, and such as may not even be given. */
  orders: z.array(z.string()),
  never: z.array(z.string()),
  /** What the script has to say in the end. */
  output: z.string(),
  /** What the incident's page wants beside, and Provost does not do. */
  left: z.array(z.string()),
});
export type Expected = z.infer<typeof expected>;

const outcome = z.object({
  events: z.number(),
  findings: z.array(z.object({ rule: z.string(), severity: z.string(), sentence: z.string() })),
  incidents: z.array(z.object({ severity: z.string(), score: z.number(), sentence: z.string() })),
  commands: z.array(z.object({ action: z.string(), state: z.string(), says: z.string(), why: z.string().optional() })),
  lost: z.number(),
  exit: z.number().nullable(),
  output: z.string(),
});
export type LabOutcome = z.infer<typeof outcome>;

export interface ScenarioRow {
  readonly id: string;
  readonly wanted: Omit<Expected, "id" | "left">;
  readonly got: {
    readonly findings: readonly string[];
    readonly severity: string | undefined;
    readonly orders: readonly string[];
    readonly output: string;
    readonly control: readonly string[];
  };
  readonly holds: boolean;
  readonly faults: readonly string[];
  readonly left: readonly string[];
}

export const scenarioNames = (): readonly string[] =>
  readdirSync(here)
    .filter((name) => existsSync(join(here, name, "expected.json")))
    .toSorted();

const levels = ["informational", "low", "medium", "high", "critical"];
const rank = (level: string): number => levels.indexOf(level);

/** Both the incident and, where there is one, honest work that looks like it: that must not be told as high, nor be stopped. */
export function tryScenario(name: string): ScenarioRow {
  const { id, left, ...wanted } = expected.parse(JSON.parse(readFileSync(join(here, name, "expected.json"), "utf8")));
  const files = mkdtempSync(join(tmpdir(), "provost-scenario-"));
  try {
    cpSync(join(here, name), files, { recursive: true });
    cpSync(join(here, "lib"), join(files, "lib"), { recursive: true });
    mkdirSync(join(files, "made"));
    if (existsSync(join(files, "prepare.sh")))
      execFileSync("sh", [join(files, "prepare.sh"), join(files, "made")], { cwd: join(files, "made") });
    const seen = inLab(join(files, "script.sh"), files);
    const control = existsSync(join(files, "control.sh")) ? inLab(join(files, "control.sh"), files) : undefined;
    const faults = [...faultsOf(wanted, seen), ...(control === undefined ? [] : controlFaults(control))];
    return { id, wanted, got: summary(seen, control), holds: faults.length === 0, faults, left };
  } finally {
    rmSync(files, { recursive: true, force: true });
  }
}

export function inLab(script: string, files: string, more: readonly string[] = []): LabOutcome {
  const command = [
    "lab",
    "run",
    "--script",
    script,
    "--files",
    files,
    "--json",
    ...(more.includes("--respond") ? [] : ["--respond", "high"]),
    ...more,
  ];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", join(top, "agent/provost.ts"), ...command],
    { encoding: "utf8", cwd: top, maxBuffer: 64 << 20 },
  );
  if (status !== 0) throw new Error(`the lab ended with ${status}: ${stderr}`);
  return outcome.parse(JSON.parse(stdout));
}

const worst = (seen: LabOutcome): string | undefined =>
  seen.incidents.map(({ severity }) => severity).toSorted((a, b) => rank(b) - rank(a))[0];

const summary = (seen: LabOutcome, control: LabOutcome | undefined): ScenarioRow["got"] => ({
  findings: seen.findings.map(({ rule, severity, sentence }) => `${severity} ${rule}: ${sentence}`),
  severity: worst(seen),
  orders: seen.commands.map(({ action, state, why }) => `${action} ${state}${why === undefined ? "" : ` (${why})`}`),
  output: seen.output,
  control: (control?.findings ?? []).map(({ rule, severity, sentence }) => `${severity} ${rule}: ${sentence}`),
});

function faultsOf(wanted: Omit<Expected, "id" | "left">, seen: LabOutcome): readonly string[] {
  const rules = new Set(seen.findings.map(({ rule }) => rule));
  const verified = new Set(seen.commands.filter(({ state }) => state === "verified").map(({ action }) => action));
  return [
    ...[wanted.finding, ...wanted.also].filter((rule) => !rules.has(rule)).map((rule) => `${rule} found nothing`),
    ...(worst(seen) === wanted.severity ? [] : [`severity ${worst(seen) ?? "none"}, wanted ${wanted.severity}`]),
    ...wanted.orders.filter((action) => !verified.has(action)).map((action) => `${action} is not verified`),
    ...seen.commands.filter(({ action }) => wanted.never.includes(action)).map(({ action }) => `${action} was ordered`),
    ...(new RegExp(wanted.output).test(seen.output) ? [] : [`the script said ${JSON.stringify(seen.output)}`]),
    ...(seen.lost === 0 ? [] : [`${seen.lost} events were lost`]),
  ];
}

const controlFaults = ({ findings, commands }: LabOutcome): readonly string[] => [
  ...findings
    .filter(({ severity }) => rank(severity) >= rank("high"))
    .map(({ sentence, severity }) => `honest work is told as ${severity}: ${sentence}`),
  ...commands.map(({ says }) => `honest work is stopped: ${says}`),
];
