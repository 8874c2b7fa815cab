import type { Command, Option } from "commander";
import type { OptionEntry, VerbEntry } from "@provost/shared/lib/verb-entry.ts";

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
