/** Text becomes a pattern, or a fault that names the place. FOLLOWEDBY binds least, then OR, then AND; qualifiers bind most. */
import { regexFault, regexTest } from "../sigma/regex.ts";
import {
  PatternFault,
  type Comparison,
  type ComparisonExpression,
  type Literal,
  type ObjectPath,
  type ObservationExpression,
  type Operator,
  type Step,
} from "./pattern.ts";
import { readTime } from "./time.ts";
import { readTokens, type Token } from "./tokens.ts";

const limits = { depth: 64, times: 10_000, index: 10_000 };
const operators: Readonly<Record<string, Operator>> = {
  "=": "=",
  "==": "=",
  "!=": "!=",
  "<>": "!=",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
};

export function readPattern(text: string): ObservationExpression {
  const reader = new Reader(readTokens(text));
  const read = reader.followed(0);
  reader.end();
  return read;
}

class Reader {
  private at = 0;
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  followed(depth: number): ObservationExpression {
    let left = this.either(depth);
    for (let count = 0; this.take("FOLLOWEDBY"); count++)
      left = { kind: "followed-by", left, right: this.bounded(count, this.either(depth)) };
    return left;
  }

  end(): void {
    if (this.at < this.tokens.length) throw this.fault("the pattern should end here");
  }

  private either(depth: number): ObservationExpression {
    const first = this.both(depth);
    const of = [first];
    while (this.take("OR")) of.push(this.both(depth));
    return of.length === 1 ? first : { kind: "or", of };
  }

  private both(depth: number): ObservationExpression {
    let left = this.qualified(depth);
    for (let count = 0; this.take("AND"); count++)
      left = { kind: "and", left, right: this.bounded(count, this.qualified(depth)) };
    return left;
  }

  /** Lists of alternatives are long; observations that belong together are few. */
  private bounded(count: number, part: ObservationExpression): ObservationExpression {
    if (count >= limits.depth) throw this.fault(`more than ${limits.depth} observations together`);
    return part;
  }

  private qualified(depth: number): ObservationExpression {
    if (depth > limits.depth) throw this.fault(`it nests deeper than ${limits.depth} levels`);
    let of: ObservationExpression;
    if (this.take("(")) {
      of = this.followed(depth + 1);
      this.expect(")");
    } else {
      this.expect("[");
      of = { kind: "observation", of: this.comparisons(depth + 1) };
      this.expect("]");
    }
    for (let count = 0; ; count++) {
      if (count > limits.depth) throw this.fault("too many qualifiers");
      if (this.take("WITHIN")) of = this.within(of);
      else if (this.take("REPEATS")) of = this.repeats(of);
      else if (this.take("START")) of = this.between(of);
      else return of;
    }
  }

  private within(of: ObservationExpression): ObservationExpression {
    const seconds = this.number();
    if (seconds <= 0) throw this.fault("WITHIN wants more than 0 SECONDS");
    this.expect("SECONDS");
    return { kind: "within", of, milliseconds: seconds * 1000 };
  }

  private repeats(of: ObservationExpression): ObservationExpression {
    const times = this.number();
    if (!Number.isInteger(times) || times < 1 || times > limits.times)
      throw this.fault(`REPEATS wants a whole number from 1 to ${limits.times}`);
    this.expect("TIMES");
    return { kind: "repeats", of, times };
  }

  private between(of: ObservationExpression): ObservationExpression {
    const start = this.time();
    this.expect("STOP");
    return { kind: "between", of, start, stop: this.time() };
  }

  private comparisons(depth: number): ComparisonExpression {
    const first = this.conjunction(depth);
    const of = [first];
    while (this.take("OR")) of.push(this.conjunction(depth));
    return of.length === 1 ? first : { kind: "or", of };
  }

  private conjunction(depth: number): ComparisonExpression {
    const first = this.comparison(depth);
    const of = [first];
    while (this.take("AND")) of.push(this.comparison(depth));
    return of.length === 1 ? first : { kind: "and", of };
  }

  private comparison(depth: number): ComparisonExpression {
    if (depth > limits.depth) throw this.fault(`it nests deeper than ${limits.depth} levels`);
    if (this.take("(")) {
      const inner = this.comparisons(depth + 1);
      this.expect(")");
      return inner;
    }
    const before = this.take("NOT");
    if (this.take("EXISTS")) return { kind: "exists", path: this.path(), negated: before };
    if (before) throw this.fault("NOT stands behind the path, or before EXISTS");
    const path = this.path();
    const negated = this.take("NOT");
    return { kind: "comparison", path, negated, test: this.test() };
  }

  private test(): Comparison {
    const { text } = this.next();
    const operator = Object.hasOwn(operators, text) ? operators[text] : undefined;
    if (operator !== undefined) return { kind: "order", operator, literal: this.literal() };
    switch (text) {
      case "IN":
        return { kind: "in", literals: this.set() };
      case "LIKE":
        return { kind: "like", text: this.text() };
      case "ISSUBSET":
        return { kind: "subset", text: this.text() };
      case "ISSUPERSET":
        return { kind: "superset", text: this.text() };
      case "MATCHES": {
        const source = this.text();
        const why = regexFault(source, "");
        if (why !== undefined) throw this.fault(why);
        return { kind: "matches", source, holds: regexTest(source, "") };
      }
      default:
        throw this.fault("here a path is compared: =, !=, <, <=, >, >=, IN, LIKE, MATCHES, ISSUBSET or ISSUPERSET");
    }
  }

  /** All of one kind: a set of numbers and booleans is a mistake. */
  private set(): readonly Literal[] {
    const literals: Literal[] = [];
    this.expect("(");
    if (this.take(")")) return literals;
    do literals.push(this.literal());
    while (this.take(","));
    this.expect(")");
    if (new Set(literals.map(({ kind }) => kind)).size > 1) throw this.fault("the values of a set are of one kind");
    return literals;
  }

  private literal(): Literal {
    const token = this.next();
    switch (token.kind) {
      case "number":
        return { kind: "number", value: token.value };
      case "text":
        return { kind: "text", value: token.text };
      case "hex":
        return { kind: "binary", value: Buffer.from(token.text, "hex") };
      case "base64":
        return { kind: "binary", value: Buffer.from(token.text, "base64") };
      case "time":
        return { kind: "time", value: readTime(token.text) ?? 0n };
      default:
        if (token.text === "true" || token.text === "false") return { kind: "boolean", value: token.text === "true" };
        throw this.fault(`${token.text} is no value`);
    }
  }

  private path(): ObjectPath {
    const type = this.next();
    if (type.kind !== "word") throw this.fault("a path begins with the type of an object");
    this.expect(":");
    const steps: Step[] = [this.property()];
    for (;;) {
      if (this.take(".")) steps.push(this.property());
      else if (this.take("[")) steps.push(this.index());
      else return { type: type.text, steps };
    }
  }

  private property(): Step {
    const name = this.next();
    if (name.kind === "word" && name.text.includes("-"))
      throw this.fault(`'${name.text}' needs quotes: it has a hyphen`);
    if (name.kind !== "word" && name.kind !== "text") throw this.fault("the name of a property is missing");
    return { kind: "property", name: name.text };
  }

  private index(): Step {
    const token = this.next();
    this.expect("]");
    if (token.text === "*") return { kind: "any" };
    if (token.kind === "number" && /^\d+$/.test(token.text) && token.value <= limits.index)
      return { kind: "index", index: token.value };
    throw this.fault("an index is a number or *");
  }

  private number(): number {
    const token = this.next();
    if (token.kind !== "number") throw this.fault("a number is missing");
    return token.value;
  }

  private text(): string {
    const token = this.next();
    if (token.kind !== "text") throw this.fault("a text is missing");
    return token.text;
  }

  private time(): number {
    const token = this.next();
    const time = token.kind === "time" ? readTime(token.text) : undefined;
    if (time === undefined) throw this.fault("a time such as t'2026-11-26T03:30:00Z' is missing");
    return Number(time) / 1e6;
  }

  private next(): Token {
    const token = this.tokens[this.at++];
    if (token === undefined) throw this.fault("the pattern ends too early");
    return token;
  }

  private take(text: string): boolean {
    const token = this.tokens[this.at];
    if ((token?.kind !== "word" && token?.kind !== "sign") || token.text !== text) return false;
    this.at++;
    return true;
  }

  private expect(text: string): void {
    if (!this.take(text)) throw this.fault(`${text} is missing`);
  }

  private fault(why: string): PatternFault {
    const token = this.tokens[this.at] ?? this.tokens.at(-1);
    return new PatternFault(`at ${token?.at ?? 0}: ${why}`);
  }
}
