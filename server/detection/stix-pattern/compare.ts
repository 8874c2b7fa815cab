/** One value of an object against one comparison. Kinds that do not fit are unequal, and neither before nor after each other. */
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import { lies, readNetwork } from "../sigma/address.ts";
import { matcher, many, one, tidy } from "../sigma/pattern.ts";
import { PatternFault, type Comparison, type Literal, type Operator } from "./pattern.ts";
import { readTime } from "./time.ts";

/** `name`: the property's; with `_hex` or `_bin` at its end the text stands for bytes. */
export function compares(value: unknown, name: string, test: Comparison): boolean {
  const known = read(value, name);
  switch (test.kind) {
    case "order":
      return ordered(known, test.operator, test.literal);
    case "in":
      return test.literals.some((literal) => ordered(known, "=", literal));
    case "like":
      return ofTexts(known, test.text, like);
    case "matches":
      return ofTexts(known, test.source, (text) => test.holds(text));
    case "subset":
      return known?.kind === "text" && contains(test.text, known.value);
    case "superset":
      return known?.kind === "text" && contains(known.value, test.text);
    default:
      return unreachable(test);
  }
}

type Known = Exclude<Literal, { readonly kind: "time" }>;

function read(value: unknown, name: string): Known | undefined {
  switch (typeof value) {
    case "number":
      return { kind: "number", value };
    case "boolean":
      return { kind: "boolean", value };
    case "string":
      if (name.endsWith("_hex") && /^(?:[0-9a-fA-F]{2})*$/.test(value))
        return { kind: "binary", value: Buffer.from(value, "hex") };
      if (name.endsWith("_bin")) return { kind: "binary", value: Buffer.from(value, "base64") };
      return { kind: "text", value };
    default:
      return undefined;
  }
}

function ordered(known: Known | undefined, operator: Operator, literal: Literal): boolean {
  const order = known === undefined ? undefined : compare(known, literal);
  if (order === undefined) return operator === "!=";
  switch (operator) {
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
    default:
      return unreachable(operator);
  }
}

/** Nothing: the two cannot be compared. */
function compare(known: Known, literal: Literal): number | undefined {
  if (literal.kind === "time") {
    if (known.kind !== "text") return undefined;
    const time = readTime(known.value);
    if (time === undefined)
      throw new PatternFault(`${JSON.stringify(known.value.slice(0, 40))} was observed where the pattern wants a time`);
    return time < literal.value ? -1 : time > literal.value ? 1 : 0;
  }
  if (known.kind === "number" && literal.kind === "number") return known.value - literal.value;
  if (known.kind === "boolean" && literal.kind === "boolean") return Number(known.value) - Number(literal.value);
  if (known.kind === "text" && literal.kind === "text")
    return sign(known.value.normalize("NFC"), literal.value.normalize("NFC"));
  const [left, right] = [bytesOf(known), bytesOf(literal)];
  return left === undefined || right === undefined ? undefined : Buffer.compare(left, right);
}

function sign(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A text is bytes where each of its characters is one. */
function bytesOf(value: Literal): Uint8Array | undefined {
  if (value.kind === "binary") return value.value;
  if (value.kind !== "text" || !isBytes(value.value)) return undefined;
  return Buffer.from(value.value, "latin1");
}

function isBytes(text: string): boolean {
  return !/[^\u0000-\u00ff]/.test(text);
}

function ofTexts(known: Known | undefined, wanted: string, holds: (text: string, wanted: string) => boolean): boolean {
  if (known?.kind === "text") return holds(known.value.normalize("NFC"), wanted.normalize("NFC"));
  if (known?.kind !== "binary" || !isBytes(wanted)) return false;
  return holds(Buffer.from(known.value).toString("latin1"), wanted);
}

/** SQL's: % is any text, _ any character; case counts. */
function like(text: string, wanted: string): boolean {
  const pieces = wanted.split(/([%_])/).map((part) => (part === "%" ? many : part === "_" ? one : part));
  return matcher(tidy(pieces))(text);
}

function contains(outer: string, inner: string): boolean {
  const [wide, narrow] = [readNetwork(outer), readNetwork(inner)];
  if (wide === undefined || narrow === undefined) return false;
  return narrow.bits >= wide.bits && lies(narrow.network, wide.network, wide.bits);
}
