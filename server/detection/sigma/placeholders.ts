/** `%name%` in a value with `expand`: replaced by what the owner says the name means here. */
import { RuleFault } from "./fault.ts";
import { readPattern, tidy, type Pattern, type Piece } from "./pattern.ts";

export type Placeholders = ReadonlyMap<string, readonly string[]>;

const mostTogether = 10_000;
const found = /\\%|%([\w.-]+)%/g;

/** One pattern for each combination. The owner's values may have wildcards, as values in rules do. */
export function expandPlaceholders(pattern: Pattern, placeholders: Placeholders, line: number): readonly Pattern[] {
  let patterns: readonly (readonly Piece[])[] = [[]];
  const append = (choices: readonly (readonly Piece[])[]): void => {
    if (patterns.length * choices.length > mostTogether)
      throw new RuleFault(line, `the placeholders stand for more than ${mostTogether} values together`);
    patterns = patterns.flatMap((head) => choices.map((tail) => [...head, ...tail]));
  };
  for (const piece of pattern) {
    if (typeof piece !== "string") {
      append([[piece]]);
      continue;
    }
    let from = 0;
    for (const match of piece.matchAll(found)) {
      append([[piece.slice(from, match.index)]]);
      from = match.index + match[0].length;
      const name = match[1];
      if (name === undefined) append([["%"]]);
      else append(valuesOf(name, placeholders, line).map(readPattern));
    }
    append([[piece.slice(from)]]);
  }
  return patterns.map(tidy);
}

function valuesOf(name: string, placeholders: Placeholders, line: number): readonly string[] {
  const values = placeholders.get(name);
  if (values === undefined || values.length === 0)
    throw new RuleFault(line, `nobody has said what %${name}% stands for; name its values in the placeholders`);
  return values;
}
