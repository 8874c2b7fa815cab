/** The condition's grammar: or, and, not, "x of", brackets, from least to most binding. */
import { all, any, type Expression } from "./expression.ts";
import { RuleFault } from "./fault.ts";

const limits = { characters: 8192, depth: 32 };

/** `selections` holds what each search identifier stands for. */
export function readCondition(text: string, selections: ReadonlyMap<string, Expression>, line: number): Expression {
  if (text.length > limits.characters)
    throw new RuleFault(line, `the condition is longer than ${limits.characters} characters`);
  if (/[|]/.test(text))
    throw new RuleFault(
      line,
      "aggregations behind | left Sigma with version 2; write a correlation rule beside this one",
    );
  const words = text.match(/[()]|[^\s()]+/g) ?? [];
  const reader = new Reader(words, selections, line);
  const read = reader.or(0);
  reader.end();
  return read;
}

class Reader {
  private at = 0;
  private readonly words: readonly string[];
  private readonly selections: ReadonlyMap<string, Expression>;
  private readonly line: number;

  constructor(words: readonly string[], selections: ReadonlyMap<string, Expression>, line: number) {
    this.words = words;
    this.selections = selections;
    this.line = line;
  }

  or(depth: number): Expression {
    const parts = [this.and(depth)];
    while (this.take("or")) parts.push(this.and(depth));
    return any(parts);
  }

  end(): void {
    const left = this.words[this.at];
    if (left !== undefined) throw this.fault(`"${left}" does not belong there`);
  }

  private and(depth: number): Expression {
    const parts = [this.not(depth)];
    while (this.take("and")) parts.push(this.not(depth));
    return all(parts);
  }

  private not(depth: number): Expression {
    if (depth > limits.depth) throw this.fault(`it nests deeper than ${limits.depth} levels`);
    if (this.take("not")) return { kind: "not", of: this.not(depth + 1) };
    if (!this.take("(")) return this.term();
    const inner = this.or(depth + 1);
    if (!this.take(")")) throw this.fault("a bracket is not closed");
    return inner;
  }

  private term(): Expression {
    const word = this.words[this.at];
    if (word === undefined) throw this.fault("it ends where a search identifier should stand");
    this.at++;
    if (this.words[this.at]?.toLowerCase() === "of" && /^(?:all|any|\d{1,4})$/i.test(word)) {
      this.at++;
      return this.of(word.toLowerCase());
    }
    const selection = this.selections.get(word);
    if (selection === undefined) throw this.fault(`there is no search identifier "${word}"`);
    return selection;
  }

  private of(count: string): Expression {
    const pattern = this.words[this.at++];
    if (pattern === undefined || pattern === "(" || pattern === ")") throw this.fault(`"${count} of" says not of what`);
    const parts = [...this.selections].filter(([name]) => named(name, pattern)).map(([, part]) => part);
    if (parts.length === 0) throw this.fault(`no search identifier is meant by "${count} of ${pattern}"`);
    if (count === "all") return all(parts);
    if (count === "any" || Number(count) === 1) return any(parts);
    if (Number(count) === 0) throw this.fault('"0 of" is always so; write "not 1 of"');
    if (Number(count) > parts.length)
      throw this.fault(`"${count} of ${pattern}" means only ${parts.length}, so it never holds`);
    return { kind: "at-least", count: Number(count), of: parts };
  }

  private take(word: string): boolean {
    if (this.words[this.at]?.toLowerCase() !== word) return false;
    this.at++;
    return true;
  }

  private fault(why: string): RuleFault {
    return new RuleFault(this.line, `the condition cannot be read: ${why}`);
  }
}

/** `them` means each whose name does not begin with an underscore; a pattern means what it says. */
function named(name: string, pattern: string): boolean {
  if (pattern.toLowerCase() === "them") return !name.startsWith("_");
  const parts = pattern.split("*");
  const [first = ""] = parts;
  const last = parts.at(-1) ?? "";
  if (parts.length === 1) return name === pattern;
  if (!name.startsWith(first)) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = name.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return name.length - last.length >= from && name.endsWith(last);
}
