import type { OptionEntry, VerbEntry } from "./verb-entry.ts";

/** Completion for zsh, as a file `_NAME` of a folder in $fpath: verbs and options with what they do, lists of values, else files. */
export function zshCompletion(name: string, table: readonly VerbEntry[]): string {
  const verbs = table.filter(({ path }) => path.length > 0);
  return `#compdef ${name}
# Made from ${name}'s own table of commands.
_${name}() {
  local at= one
  local -a offered
  for one in "\${(@)words[2,CURRENT-1]}"; do
    case "\${at:+$at }$one" in
      (${verbs.map(({ path }) => quoted(path.join(" "))).join("|")}) at="\${at:+$at }$one" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${table.flatMap((entry) => entry.options.filter(({ takesValue }) => takesValue).map((option) => valueCase(entry, option))).join("")}  esac
  case "$at" in
${table.map((entry) => `    (${quoted(entry.path.join(" "))}) offered=(${offeredBy(entry, table).join(" ")}) ;;\n`).join("")}  esac
  _describe command offered
  _files
}
_${name} "$@"
`;
}

const valueCase = ({ path }: VerbEntry, { name, choices }: OptionEntry): string =>
  `    (${quoted(`${path.join(" ")} ${name}`)}) ${choices.length === 0 ? "_files" : `compadd -- ${choices.map(quoted).join(" ")}`}; return ;;\n`;

/** "word:what it does". */
const offeredBy = (entry: VerbEntry, table: readonly VerbEntry[]): readonly string[] => [
  ...entry.verbs.map((verb) => {
    const below = table.find(({ path }) => path.join(" ") === [...entry.path, verb].join(" "));
    return quoted(`${verb}:${below?.says ?? ""}`);
  }),
  ...entry.options.map(({ name, says }) => quoted(`${name}:${says}`)),
];

const quoted = (text: string): string => `'${text.replaceAll("'", "’")}'`;
