import type { VerbEntry } from "./verb-entry.ts";

/** Completion for bash: verbs, options, and the values of options that have a list; files everywhere else. */
export function bashCompletion(name: string, table: readonly VerbEntry[]): string {
  const named = name.replaceAll("-", "_");
  const verbs = table.filter(({ path }) => path.length > 0);
  return `# bash completion of ${name}; made from its own table of commands
_${named}() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} path= one words=
  for one in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$one" in
      ${verbs.map(({ path }) => quoted(path.join(" "))).join(" | ")}) path="\${path:+$path }$one" ;;
    esac
  done
  case "$path $before" in
${valueCases(table)}  esac
  if [ -z "$words" ]; then
    case "$path" in
${table.map((entry) => `      ${quoted(entry.path.join(" "))}) words=${quoted(wordsOf(entry).join(" "))} ;;\n`).join("")}    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _${named} ${name}
`;
}

/** After an option with a list of values only these; after another that takes one, files. */
const valueCases = (table: readonly VerbEntry[]): string =>
  table
    .flatMap(({ path, options }) =>
      options
        .filter(({ takesValue }) => takesValue)
        .map(({ name, choices }) => {
          const where = quoted(`${path.join(" ")} ${name}`);
          return choices.length === 0
            ? `    ${where}) COMPREPLY=() && return ;;\n`
            : `    ${where}) words=${quoted(choices.join(" "))} ;;\n`;
        }),
    )
    .join("");

const wordsOf = ({ verbs, options }: VerbEntry): readonly string[] => [
  ...verbs,
  ...options.map(({ name }) => name),
  "--help",
];

/** Names of commands and options hold no quote; whatever holds one would end the string. */
const quoted = (text: string): string => `'${text.replaceAll("'", "")}'`;
