import type { Command, Option } from "commander";

/** One verb as manual page and completions show it. The program itself is the one without a path. */
export interface VerbEntry {
  /** ["quarantine", "list"]. */
  readonly path: readonly string[];
  readonly says: string;
  /** As a usage line names them: "<file...>". */
  readonly arguments: readonly string[];
  readonly options: readonly OptionEntry[];
  /** The verbs below it. */
  readonly verbs: readonly string[];
}

export interface OptionEntry {
  /** "--standing". */
  readonly name: string;
  /** As the help shows it: "--standing <standing>". */
  readonly flags: string;
  readonly says: string;
  readonly takesValue: boolean;
  /** The only values there are; else anything. */
  readonly choices: readonly string[];
}

/** Every verb of a program, in the order in which its help lists them. */
export function commandTable(program: Command, path: readonly string[] = []): readonly VerbEntry[] {
  const below = program.commands.toSorted((a, b) => (a.name() < b.name() ? -1 : 1));
  const shown = program.options.filter((option) => !option.hidden);
  return [
    {
      path,
      says: program.description(),
      arguments: program.registeredArguments.map((argument) => {
        const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
        return argument.required ? `<${name}>` : `[${name}]`;
      }),
      options: shown.map(optionEntry),
      verbs: below.map((command) => command.name()),
    },
    ...below.flatMap((command) => commandTable(command, [...path, command.name()])),
  ];
}

const optionEntry = (option: Option): OptionEntry => ({
  name: option.long ?? option.flags,
  flags: option.flags,
  says: option.description,
  takesValue: option.required || option.optional,
  choices: option.argChoices ?? [],
});
