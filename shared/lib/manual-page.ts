import type { OptionEntry, VerbEntry } from "./verb-entry.ts";

/** The manual page, section 1, in the macros of man(7). `after` is what the help says at its end: exit codes and where the state lies. */
export function manualPage(name: string, version: string, table: readonly VerbEntry[], after: string): string {
  const [program, ...verbs] = table;
  return [
    `.TH ${roff(name.toUpperCase())} 1 "" "${name} ${roff(version)}" "Provost"`,
    ".SH NAME",
    `${roff(name)} \\- ${roff(lowered(program?.says ?? ""))}`,
    ".SH SYNOPSIS",
    `.B ${roff(name)}`,
    ".I command",
    "[option...]",
    ".SH COMMANDS",
    // A group of commands says nothing that its commands do not say.
    ...verbs.filter((entry) => entry.verbs.length === 0).flatMap((entry) => verbLines(name, entry)),
    ".SH OPTIONS OF EVERY COMMAND",
    ...(program?.options ?? []).flatMap(optionLines),
    ".SH EXIT STATUS AND FILES",
    ...after.split("\n").flatMap((line) => [roff(line), ".br"]),
    "",
  ].join("\n");
}

function verbLines(name: string, { path, says, arguments: given, options }: VerbEntry): readonly string[] {
  return [
    `.SS "${roff([name, ...path, ...given].join(" "))}"`,
    roff(`${capital(says)}.`),
    ...options.flatMap(optionLines),
  ];
}

const optionLines = ({ flags, says, choices }: OptionEntry): readonly string[] => [
  ".TP",
  `.B ${roff(flags)}`,
  roff(choices.length === 0 ? says : `${says}: ${choices.join(", ")}`),
];

/** A line that began with a dot or an apostrophe would be a macro; a minus is no hyphen. */
const roff = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll('"', "\\(dq")
    .replace(/^(?=[.'])/, "\\&");

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
const lowered = (text: string): string => text.slice(0, 1).toLowerCase() + text.slice(1);
