/** Value modifiers: from what stands behind a field's name to the questions that are asked of the field. */
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import { readNetwork } from "./address.ts";
import type { TreeScalar } from "./document.ts";
import { encodeBase64, encodeBase64Offsets, encodeUtf16 } from "./encodings.ts";
import type { Comparison, Placement, Test } from "./expression.ts";
import { RuleFault } from "./fault.ts";
import { dash, many, plainText, readPattern, tidy, type Pattern, type Piece } from "./pattern.ts";
import { expandPlaceholders, type Placeholders } from "./placeholders.ts";
import { regexFault } from "./regex.ts";
import { timeParts, type TimePart } from "./time-part.ts";

/** What one `field|modifier|modifier` with its values asks. */
export interface Asked {
  readonly tests: readonly Test[];
  /** `all`: each of the tests, instead of any. */
  readonly join: "and" | "or";
  /** `neq`: none of it. */
  readonly negated: boolean;
}

type Value =
  | { readonly kind: "text"; readonly pattern: Pattern }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "regex"; readonly source: string; readonly flags: string }
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "plain"; readonly scalar: TreeScalar }
  | { readonly kind: "done"; readonly test: Test };

interface State {
  values: readonly Value[];
  join: "and" | "or";
  negated: boolean;
  cased: boolean;
  placement: Placement;
  part: TimePart | undefined;
  comparison: Comparison | undefined;
}

export const mostValues = 10_000;
const regexFlags = ["i", "m", "s"];
const comparisons = ["lt", "lte", "gt", "gte"] as const;

export function applyModifiers(
  modifiers: readonly string[],
  scalars: readonly TreeScalar[],
  placeholders: Placeholders,
  line: number,
): Asked {
  const state: State = {
    values: scalars.map((scalar): Value =>
      typeof scalar.value === "string" ? text(scalar.value) : { kind: "plain", scalar },
    ),
    join: "or",
    negated: false,
    cased: false,
    placement: "equals",
    part: undefined,
    comparison: undefined,
  };
  // A regular expression is no pattern with wildcards: its text is taken as it stands.
  if (modifiers.includes("re"))
    state.values = scalars.map((scalar): Value => ({ kind: "regex", source: scalar.spelling, flags: "" }));
  for (const modifier of modifiers) {
    apply(modifier, state, placeholders, line);
    if (state.values.length > mostValues) throw new RuleFault(line, `the field has more than ${mostValues} values`);
  }
  return { tests: state.values.map((value) => testOf(value, state, line)), join: state.join, negated: state.negated };
}

function apply(modifier: string, state: State, placeholders: Placeholders, line: number): void {
  switch (modifier) {
    case "all":
      state.join = "and";
      return;
    case "neq":
      state.negated = true;
      return;
    case "cased":
      state.cased = true;
      return;
    case "contains":
      return place(state, "contains", (pattern) => [many, ...pattern, many], line);
    case "startswith":
      return place(state, "starts", (pattern) => [...pattern, many], line);
    case "endswith":
      return place(state, "ends", (pattern) => [many, ...pattern], line);
    case "windash":
      return eachText(state, modifier, (pattern) => [text(pattern.flatMap(withDashes))], line);
    case "base64":
      return eachBytes(state, modifier, (bytes) => [text([encodeBase64(bytes)])], line);
    case "base64offset":
      return eachBytes(state, modifier, (bytes) => encodeBase64Offsets(bytes).map((piece) => text([piece])), line);
    case "wide":
    case "utf16le":
      return encode(state, modifier, (plain) => encodeUtf16(plain, "little"), line);
    case "utf16be":
      return encode(state, modifier, (plain) => encodeUtf16(plain, "big"), line);
    case "utf16":
      return encode(state, modifier, (plain) => encodeUtf16(`\ufeff${plain}`, "little"), line);
    case "re":
      return;
    case "i":
    case "m":
    case "s":
      return flag(state, modifier, line);
    case "cidr":
      return eachText(state, modifier, (pattern) => [network(pattern, line)], line);
    case "exists":
      state.values = state.values.map((value) => existence(value, line));
      return;
    case "fieldref":
      return eachText(state, modifier, (pattern) => [otherField(pattern, line)], line);
    case "expand":
      return eachText(state, modifier, (pattern) => expandPlaceholders(pattern, placeholders, line).map(text), line);
    default:
      if (isOneOf(comparisons, modifier)) return compare(state, modifier, line);
      if (isOneOf(timeParts, modifier)) {
        state.part = modifier;
        return;
      }
      throw new RuleFault(line, `there is no value modifier "${modifier}"`);
  }
}

function text(of: string | readonly Piece[]): Value {
  return { kind: "text", pattern: typeof of === "string" ? readPattern(of) : tidy(of) };
}

/** Numbers behind a text modifier are taken as they are written: `a1|contains: 777`. */
function asPattern(value: Value): Pattern | undefined {
  if (value.kind === "text") return value.pattern;
  if (value.kind === "bytes") return tidy([String.fromCharCode(...value.bytes)]);
  if (value.kind === "plain" && typeof value.scalar.value !== "object") return tidy([value.scalar.spelling]);
  return undefined;
}

function eachText(state: State, modifier: string, change: (pattern: Pattern) => readonly Value[], line: number): void {
  state.values = state.values.flatMap((value) => {
    const pattern = asPattern(value);
    if (pattern === undefined) throw unfit(modifier, line);
    return change(pattern);
  });
}

function eachBytes(
  state: State,
  modifier: string,
  change: (bytes: Uint8Array) => readonly Value[],
  line: number,
): void {
  state.values = state.values.flatMap((value) => {
    if (value.kind === "bytes") return change(value.bytes);
    const pattern = asPattern(value);
    if (pattern === undefined) throw unfit(modifier, line);
    return change(new TextEncoder().encode(bare(modifier, pattern, line)));
  });
}

function encode(state: State, modifier: string, encoding: (plain: string) => Uint8Array, line: number): void {
  eachText(state, modifier, (pattern) => [{ kind: "bytes", bytes: encoding(bare(modifier, pattern, line)) }], line);
}

function place(state: State, placement: Placement, change: (pattern: Pattern) => readonly Piece[], line: number): void {
  state.values = state.values.flatMap((value): readonly Value[] => {
    // `fieldref|endswith`: the other field's text, at that place.
    if (value.kind === "field") return [value];
    const pattern = asPattern(value);
    if (pattern === undefined) throw unfit(placement === "contains" ? placement : `${placement}with`, line);
    return [text(change(pattern))];
  });
  state.placement = placement;
}

/** A dash that begins a word: what `\B[-/]\b` finds. */
function withDashes(piece: Piece): readonly Piece[] {
  if (typeof piece !== "string") return [piece];
  return piece.split(/(\B[-/\u2013\u2014\u2015]\b)/).map((part, at) => (at % 2 === 1 ? dash : part));
}

function flag(state: State, modifier: string, line: number): void {
  if (!regexFlags.includes(modifier) || !state.values.every(({ kind }) => kind === "regex"))
    throw unfit(modifier, line);
  state.values = state.values.map((value) =>
    value.kind === "regex"
      ? { ...value, flags: value.flags.includes(modifier) ? value.flags : value.flags + modifier }
      : value,
  );
}

function network(pattern: Pattern, line: number): Value {
  const spelling = bare("cidr", pattern, line);
  const read = readNetwork(spelling);
  if (read === undefined) throw new RuleFault(line, `"${spelling}" is no network such as 10.0.0.0/8 or fe80::/10`);
  return { kind: "done", test: { test: "network", ...read, spelling } };
}

/** `endswith|fieldref` has put stars around the name; they tell the place, which the state keeps. */
function otherField(pattern: Pattern, line: number): Value {
  return { kind: "field", name: bare("fieldref", tidy(pattern.filter((piece) => piece !== many)), line) };
}

function existence(value: Value, line: number): Value {
  const wanted =
    value.kind === "plain"
      ? value.scalar.value
      : value.kind === "text"
        ? readBoolean(plainText(value.pattern))
        : undefined;
  if (typeof wanted !== "boolean") throw new RuleFault(line, '"exists" wants true or false');
  return { kind: "done", test: { test: "exists", wanted } };
}

function readBoolean(word: string | undefined): boolean | undefined {
  return word === "true" ? true : word === "false" ? false : undefined;
}

function compare(state: State, comparison: Comparison, line: number): void {
  if (state.comparison !== undefined)
    throw new RuleFault(line, "a field is compared once; write a second line for the other end");
  for (const value of state.values) numberOf(value, comparison, line);
  state.comparison = comparison;
}

function numberOf(value: Value, modifier: string, line: number): number {
  const found =
    value.kind === "plain"
      ? value.scalar.value
      : value.kind === "text"
        ? Number(plainText(value.pattern) || "no")
        : undefined;
  if (typeof found !== "number" || !Number.isFinite(found)) throw new RuleFault(line, `"${modifier}" wants a number`);
  return found;
}

function testOf(value: Value, state: State, line: number): Test {
  const { part, comparison, cased, placement } = state;
  if (part !== undefined)
    return { test: "time", part, comparison: comparison ?? "eq", value: numberOf(value, part, line) };
  if (comparison !== undefined) return { test: "compare", comparison, value: numberOf(value, comparison, line) };
  switch (value.kind) {
    case "done":
      return value.test;
    case "field":
      return { test: "field", other: value.name, placement, cased };
    case "regex": {
      const why = regexFault(value.source, value.flags);
      if (why !== undefined) throw new RuleFault(line, why);
      return { test: "regex", source: value.source, flags: value.flags };
    }
    case "text":
      return { test: "text", pattern: value.pattern, cased };
    case "bytes":
      return { test: "text", pattern: asPattern(value) ?? [], cased };
    case "plain": {
      const { value: plain, spelling } = value.scalar;
      if (plain === null) return { test: "null" };
      if (typeof plain === "boolean") return { test: "boolean", value: plain };
      if (typeof plain === "number") return { test: "number", value: plain, spelling };
      return { test: "text", pattern: readPattern(plain), cased };
    }
    default:
      return unreachable(value);
  }
}

function bare(modifier: string, pattern: Pattern, line: number): string {
  const plain = plainText(pattern);
  if (plain === undefined) throw new RuleFault(line, `"${modifier}" wants a text without wildcards`);
  return plain;
}

function unfit(modifier: string, line: number): RuleFault {
  return new RuleFault(line, `"${modifier}" does not fit what stands before it, or a value of this kind`);
}

function isOneOf<T extends string>(list: readonly T[], word: string): word is T {
  return (list as readonly string[]).includes(word);
}
