import type { OptionEntry, VerbEntry } from "@provost/shared/lib/verb-entry.ts";
import { shells } from "@provost/shared/lib/shell-completion.ts";
import { roles } from "@provost/shared/model/role.ts";

/** The command line of `provost-server`: its help, its manual page and its completions are made of this. */
export const commandTable: readonly VerbEntry[] = [
  entry(
    [],
    "Serves a fleet's evidence and the console until a signal",
    [],
    [flag("--version", "which release this is")],
    ["config", "sign-in", "sessions", "backup", "restore", "triage", "rules", "completion", "manual"],
  ),
  entry(["config"], "the server's settings", [], [], ["check"]),
  entry(
    ["config", "check"],
    "read the settings, say where each comes from and what is wrong",
    [],
    [flag("--json", "as JSON")],
  ),
  entry(
    ["sign-in"],
    "a link that signs the owner in once, for a server that runs",
    [],
    [
      { name: "--role", flags: "--role <role>", says: "for somebody else", takesValue: true, choices: roles },
      { name: "--name", flags: "--name <name>", says: "who that is", takesValue: true, choices: [] },
    ],
  ),
  entry(
    ["sessions"],
    "who is signed in to the console",
    [],
    [
      { name: "--end", flags: "--end <id>", says: "end this one", takesValue: true, choices: [] },
      flag("--json", "as JSON"),
    ],
  ),
  entry(["backup"], "everything that matters, in one file, also while the server runs", ["<file>"]),
  entry(["restore"], "into an empty data folder, with the server stopped", ["<file>"]),
  entry(["triage"], "what a device collected for that order, checked against its digest", ["<order>", "<file>"]),
  entry(["rules"], "Sigma rules", [], [], ["lint"]),
  entry(
    ["rules", "lint"],
    "which Sigma rules cannot be used or can never fire",
    ["<folder...>"],
    [
      flag("--json", "as JSON"),
      flag("--strict", "what can never fire is a fault, too"),
      {
        name: "--placeholders",
        flags: "--placeholders <file>",
        says: "what the rules' placeholders stand for",
        takesValue: true,
        choices: [],
      },
    ],
  ),
  entry(["completion"], `print the completion of this command line for ${shells.join(", ")}`, ["[shell]"]),
  entry(["manual"], "print the manual page, as man reads it"),
];

export const exitHelp = "Exit codes: 0 as wanted, 1 failed, 2 usage or settings.";

/** What `provost-server --help` prints. */
export function usage(): string {
  const lines = commandTable
    .filter(({ path, verbs }) => path.length > 0 && verbs.length === 0)
    .flatMap(({ path, arguments: given, options, says }) => [
      `  ${["provost-server", ...path, ...given].join(" ").padEnd(40)} ${says}`,
      ...options.map(
        ({ flags, says: what, choices }) =>
          `    ${flags.padEnd(38)} ${choices.length === 0 ? what : `${what}: ${choices.join(", ")}`}`,
      ),
    ]);
  return `provost-server [--setting=value]...   serves until a signal; docs/operate/settings.md lists the settings
provost-server --version               which release this is

${lines.join("\n")}

${exitHelp}
`;
}

function entry(
  path: readonly string[],
  says: string,
  given: readonly string[] = [],
  options: readonly OptionEntry[] = [],
  verbs: readonly string[] = [],
): VerbEntry {
  return { path, says, arguments: given, options, verbs };
}

function flag(name: string, says: string): OptionEntry {
  return { name, flags: name, says, takesValue: false, choices: [] };
}
