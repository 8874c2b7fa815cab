/** `provost-server rules lint FOLDER...`: which rules cannot be loaded, and which can never fire, with reason and place. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import * as z from "zod";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { readRuleFolder } from "../detection/sigma/folder.ts";
import { lintRules, type Lint, type LintKind } from "../detection/sigma/lint.ts";
import type { Placeholders } from "../detection/sigma/placeholders.ts";
import { loadRules, type RuleSet } from "../detection/sigma/rule-set.ts";

/** What scripts rely on; docs/how-to/add-a-rule-folder.md says it. */
export const lintExit = { fine: 0, found: 1, usage: 2 } as const;

const usage = `provost-server rules lint FOLDER... [--json] [--strict] [--placeholders FILE]

Reads every .yml below the folders as Sigma rules and lists those that cannot be used or can never fire.

  --json               one JSON document on standard output
  --strict             rules that wait for events which no device sends count as found, too
  --placeholders FILE  a YAML map from each %name% to its values, for rules with |expand

Ends with 0 if nothing was found, 1 if something was, 2 for a wrong call or a folder that cannot be read.
`;

export function rulesLint(args: readonly string[], out: (text: string) => void, err: (text: string) => void): number {
  const asked = readOptions(args, err);
  if (asked === undefined || asked.positionals.length === 0) {
    err(usage);
    return lintExit.usage;
  }
  try {
    const placeholders =
      asked.values.placeholders === undefined ? new Map() : readPlaceholders(asked.values.placeholders);
    const folders = asked.positionals.map(readRuleFolder);
    const set = loadRules(
      folders.flatMap(({ files }) => files),
      placeholders,
    );
    const unread = folders.flatMap(({ problems }) =>
      problems.map((problem): Lint => ({ kind: "unusable", ...problem })),
    );
    const found = [...unread, ...lintRules(set)];
    out(asked.values.json ? `${JSON.stringify({ ...counts(set, found), found }, undefined, 2)}\n` : table(set, found));
    const failing: readonly LintKind[] = asked.values.strict ? ["unusable", "never", "unfed"] : ["unusable", "never"];
    return found.some(({ kind }) => failing.includes(kind)) ? lintExit.found : lintExit.fine;
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    err(`provost-server: ${shown(cause.message)}\n${cause.remedy === undefined ? "" : `${shown(cause.remedy)}\n`}`);
    return lintExit.usage;
  }
}

function readOptions(args: readonly string[], err: (text: string) => void) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        strict: { type: "boolean", default: false },
        placeholders: { type: "string" },
      },
    });
  } catch (cause) {
    err(`provost-server: ${cause instanceof Error ? cause.message : String(cause)}\n`);
    return undefined;
  }
}

const values = z.record(z.string().max(256), z.array(z.coerce.string().max(4096)).max(10_000));

function readPlaceholders(path: string): Placeholders {
  try {
    return new Map(Object.entries(values.parse(parse(readFileSync(path, "utf8"), { maxAliasCount: 0 }))));
  } catch (cause) {
    throw new AppError("UNREADABLE", `the placeholders in ${path} cannot be read`, {
      cause,
      remedy: "It is a YAML map from names to lists of texts, such as Administrators: [root, admin].",
    });
  }
}

function counts(set: RuleSet, found: readonly Lint[]) {
  const of = (kind: LintKind): number => found.filter((lint) => lint.kind === kind).length;
  return {
    rules: set.rules.length,
    correlations: set.correlations.length,
    filters: set.filters,
    unusable: of("unusable"),
    never: of("never"),
    unfed: of("unfed"),
  };
}

/** Rules are strangers' texts: what moves a terminal's cursor or hides a word is written out. Backslashes stay, rules are full of them. */
function shown(text: string): string {
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const words: Readonly<Record<LintKind, string>> = {
  unusable: "cannot be used",
  never: "can never fire",
  unfed: "is not fed",
  note: "note",
};

function table(set: RuleSet, found: readonly Lint[]): string {
  const { rules, correlations, filters, unusable, never, unfed } = counts(set, found);
  const lines = found.map(
    ({ kind, file, line, title, why }) =>
      `${shown(file)}:${line}: ${words[kind]}: ${title === undefined ? "" : `"${shown(title)}": `}${shown(why)}\n`,
  );
  return `${lines.join("")}${lines.length === 0 ? "" : "\n"}${rules} rules, ${correlations} correlations and ${filters} filters loaded; ${unusable} cannot be used, ${never} can never fire, ${unfed} wait for events that no device sends\n`;
}
