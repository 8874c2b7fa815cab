import type { OptionEntry, VerbEntry } from "./verb-entry.ts";

/** Completion for fish, as a file `NAME.fish`: verbs and options with what they do, lists of values, else files. */
export function fishCompletion(name: string, table: readonly VerbEntry[]): string {
  const at = `__${name.replaceAll("-", "_")}_at`;
  const paths = table.flatMap(({ path }) => (path.length === 0 ? [] : [quoted(path.join(" "))]));
  return `# fish completion of ${name}; made from its own table of commands
function ${at}
  set -l at ''
  for one in (commandline -opc)[2..-1]
    set -l next (string trim -- "$at $one")
    contains -- $next ${paths.join(" ")}; and set at $next
  end
  test "$at" = "$argv[1]"
end
${table.flatMap((entry) => linesOf(name, at, entry, table)).join("\n")}
`;
}

function linesOf(name: string, at: string, entry: VerbEntry, table: readonly VerbEntry[]): readonly string[] {
  const here = `complete -c ${name} -n ${quoted(`${at} "${entry.path.join(" ")}"`)}`;
  const says = (verb: string): string =>
    table.find(({ path }) => path.join(" ") === [...entry.path, verb].join(" "))?.says ?? "";
  return [
    ...entry.verbs.map((verb) => `${here} -f -a ${quoted(verb)} -d ${quoted(says(verb))}`),
    ...entry.options.map((option) => `${here} ${optionWords(option)}`),
  ];
}

const optionWords = ({ name, says, takesValue, choices }: OptionEntry): string =>
  [
    `-l ${name.replace(/^--/, "")}`,
    ...(choices.length > 0 ? [`-x -a ${quoted(choices.join(" "))}`] : takesValue ? ["-r"] : []),
    `-d ${quoted(says)}`,
  ].join(" ");

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
