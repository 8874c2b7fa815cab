/**
 * Rules that can never fire: two things that they ask of one field cannot both be so. What is found is certain, for fields with one
 * value; not everything that is so is found. With a shape, what events of one log source cannot carry counts too.
 */
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import { compileAtom } from "./ask.ts";
import type { Atom, Expression } from "./expression.ts";
import type { Shape } from "./fields/linux.ts";
import { fold, foldPattern, many, plainText, type Pattern } from "./pattern.ts";
import { describe } from "./reasons.ts";
import { Slots, View } from "./view.ts";

export interface Never {
  readonly why: string;
  readonly line: number;
}

/** Nothing: no reason was found. */
export function whyNever(expression: Expression, shape?: Shape): Never | undefined {
  return new Search(shape).never(signed(expression, true), 0);
}

interface Literal {
  readonly atom: Atom;
  readonly positive: boolean;
}

/** The same expression with every `not` at an atom. */
type Signed =
  | { readonly kind: "literal"; readonly literal: Literal }
  | { readonly kind: "and" | "or"; readonly of: readonly Signed[] };

function signed(expression: Expression, positive: boolean): Signed {
  switch (expression.kind) {
    case "atom":
      return { kind: "literal", literal: { atom: expression, positive } };
    case "not":
      return signed(expression.of, !positive);
    case "at-least":
      // Some of them hold, or do not: less than what is said, so nothing wrong follows from it.
      return { kind: "or", of: expression.of.map((part) => signed(part, positive)) };
    case "and":
    case "or": {
      const kind = (expression.kind === "and") === positive ? "and" : "or";
      return { kind, of: expression.of.map((part) => signed(part, positive)) };
    }
    default:
      return unreachable(expression);
  }
}

/** One field, and what it may be: one of these. */
interface Group {
  readonly field: string;
  literals: readonly Literal[];
}

const mostSteps = 200_000;
const mostDepth = 12;

class Search {
  private readonly shape: Shape | undefined;
  private steps = mostSteps;
  private readonly slots = new Slots();
  private readonly view = new View(this.slots);

  constructor(shape: Shape | undefined) {
    this.shape = shape;
  }

  never(expression: Signed, depth: number): Never | undefined {
    if (depth > mostDepth) return undefined;
    const groups: Group[] = [];
    const branches: (readonly Signed[])[] = [];
    for (const part of conjuncts(expression)) {
      const group = groupOf(part);
      if (group !== undefined) groups.push(group);
      else if (part.kind === "or") branches.push(part.of);
    }
    const why = this.clash(groups);
    if (why !== undefined) return why;
    const known: readonly Signed[] = groups.map(({ literals }) => ({
      kind: "or",
      of: literals.map((literal): Signed => ({ kind: "literal", literal })),
    }));
    for (const branch of branches) {
      const reasons = branch.map((part) => this.never({ kind: "and", of: [...known, part] }, depth + 1));
      const [first] = reasons;
      if (first !== undefined && reasons.every((reason) => reason !== undefined)) return first;
    }
    return undefined;
  }

  private clash(groups: readonly Group[]): Never | undefined {
    for (const group of groups) {
      const carried = group.literals.filter((literal) => this.carried(literal));
      if (carried.length === 0) return { why: this.uncarried(group), line: lineOf(group) };
      group.literals = carried;
    }
    for (const group of groups)
      for (const other of groups) {
        if (group === other || group.field !== other.field) continue;
        const left = group.literals.filter((literal) =>
          other.literals.some((against) => !this.exclude(literal, against)),
        );
        if (left.length === 0) return { why: sentence(group, other), line: lineOf(group) };
        group.literals = left;
      }
    return undefined;
  }

  /** Could an event of this shape be so? */
  private carried({ atom, positive }: Literal): boolean {
    const { field, test } = atom;
    if (this.shape === undefined || field === undefined || !positive) return true;
    if (test.test === "null" || (test.test === "exists" && !test.wanted)) return !Object.hasOwn(this.shape.only, field);
    if (!this.shape.fields.test(field)) return false;
    if (test.test === "text" && this.shape.paths?.test(field) === true && !mayBePath(test.pattern)) return false;
    if (test.test === "field") return this.shape.fields.test(test.other);
    const values = this.shape.only[field];
    return values === undefined || values.some((value) => this.holds(atom, value));
  }

  private uncarried({ field, literals }: Group): string {
    const [first] = literals;
    const wants = first === undefined ? "" : ` ${describe(first.atom.test)}`;
    if (this.shape?.paths?.test(field) === true) return `no path on Linux${wants.replace(" is", " can be")}`;
    return this.shape?.fields.test(field) === true
      ? `no event has a ${field} that${wants}`
      : `no event has the field ${field}`;
  }

  private exclude(one: Literal, other: Literal): boolean {
    if (--this.steps < 0) return false;
    return this.excludes(one, other) || this.excludes(other, one);
  }

  private excludes(one: Literal, other: Literal): boolean {
    const [a, b] = [one.atom, other.atom];
    if (!one.positive) return false;
    if (a.test.test === "null") return other.positive && b.test.test !== "null" && b.test.test !== "exists";
    if (a.test.test === "exists")
      return !a.test.wanted && other.positive && b.test.test !== "null" && b.test.test !== "exists";
    const value = exactly(a);
    if (value !== undefined) {
      if (mindsCase(b) && !mindsCase(a)) return false;
      return b.test.test !== "field" && this.holds(b, value) !== other.positive;
    }
    if (a.test.test !== "text" || b.test.test !== "text") return false;
    if (other.positive) return apart(a.test.pattern, b.test.pattern);
    if (b.test.cased && !a.test.cased) return false;
    return implies(
      b.test.cased ? a.test.pattern : foldPattern(a.test.pattern),
      b.test.cased ? b.test.pattern : foldPattern(b.test.pattern),
    );
  }

  private holds(atom: Atom, value: string): boolean {
    const question = compileAtom(atom, this.slots);
    this.view.show({ id: "", at: 0, source: {}, fields: { [atom.field ?? ""]: value } });
    return question(this.view);
  }
}

function* conjuncts(expression: Signed): Generator<Signed> {
  if (expression.kind === "and") for (const part of expression.of) yield* conjuncts(part);
  else if (expression.kind === "or" && expression.of.length === 1)
    for (const part of expression.of) yield* conjuncts(part);
  else yield expression;
}

function groupOf(part: Signed): Group | undefined {
  if (part.kind === "and") return undefined;
  const parts = part.kind === "literal" ? [part] : [...flat(part.of)];
  const literals = parts.flatMap((inner) => (inner.kind === "literal" ? [inner.literal] : []));
  const field = literals[0]?.atom.field;
  if (field === undefined || literals.length !== parts.length) return undefined;
  return literals.every(({ atom }) => atom.field === field) ? { field, literals } : undefined;
}

function* flat(parts: readonly Signed[]): Generator<Signed> {
  for (const part of parts)
    if (part.kind === "or") yield* flat(part.of);
    else yield part;
}

/** Rules that were carried over from Windows still look for `\\bash`. */
function mayBePath(pattern: Pattern): boolean {
  const [first] = pattern;
  const last = pattern.at(-1);
  if (typeof first === "string") return first.startsWith("/");
  return typeof last !== "string" || !/^\\[^/\\]*$/.test(last);
}

/** The one text that the field then has. */
function exactly({ test }: Atom): string | undefined {
  if (test.test === "text") return plainText(test.pattern);
  if (test.test === "number") return String(test.value) === test.spelling ? test.spelling : undefined;
  return test.test === "boolean" ? String(test.value) : undefined;
}

function mindsCase({ test }: Atom): boolean {
  return (test.test === "text" && test.cased) || (test.test === "field" && test.cased) || test.test === "regex";
}

/** Two beginnings, or two ends, of which neither is part of the other. */
function apart(one: Pattern, other: Pattern): boolean {
  const [a, b] = [head(one), head(other)];
  if (!a.startsWith(b) && !b.startsWith(a)) return true;
  const [c, d] = [tail(one), tail(other)];
  return !c.endsWith(d) && !d.endsWith(c);
}

function head(pattern: Pattern): string {
  const [first] = pattern;
  return typeof first === "string" ? fold(first) : "";
}

function tail(pattern: Pattern): string {
  const last = pattern.at(-1);
  return typeof last === "string" ? fold(last) : "";
}

/** Whatever fits the first fits the second; said only of a second with one text in it. */
function implies(one: Pattern, other: Pattern): boolean {
  const texts = other.filter((piece) => typeof piece === "string");
  const [text] = texts;
  if (text === undefined || texts.length !== 1 || other.some((piece) => typeof piece !== "string" && piece !== many))
    return false;
  const [starts, ends] = [other[0] === text, other.at(-1) === text];
  if (starts && ends) return false;
  if (starts) return typeof one[0] === "string" && one[0].startsWith(text);
  const last = one.at(-1);
  if (ends) return typeof last === "string" && last.endsWith(text);
  return one.some((piece) => typeof piece === "string" && piece.includes(text));
}

function lineOf({ literals }: Group): number {
  return literals[0]?.atom.line ?? 1;
}

function sentence(group: Group, other: Group): string {
  const said = ({ literals }: Group): string => {
    const [first] = literals;
    if (first === undefined) return "nothing";
    const more = literals.length > 1 ? ` (or ${literals.length - 1} more)` : "";
    return `${first.positive ? "" : "not "}${describe(first.atom.test)}${more}`;
  };
  return `${group.field} cannot be both: ${said(group)}; ${said(other)}`;
}
