/** Questions become functions. Each is asked of one event's view and answers yes or no. */
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { FieldValue, Scalar } from "../rule.ts";
import { lies, readAddress } from "./address.ts";
import type { Atom, Comparison, Expression, Placement, Test } from "./expression.ts";
import { fold, foldPattern, matcher } from "./pattern.ts";
import { regexTest } from "./regex.ts";
import { timePart } from "./time-part.ts";
import type { Question, Slots, Texts } from "./view.ts";

export function compileExpression(expression: Expression, slots: Slots): Question {
  switch (expression.kind) {
    case "atom":
      return compileAtom(expression, slots);
    case "not": {
      const inner = compileExpression(expression.of, slots);
      return (view) => !inner(view);
    }
    case "and": {
      const parts = expression.of.map((part) => compileExpression(part, slots));
      return (view) => {
        for (const part of parts) if (!part(view)) return false;
        return true;
      };
    }
    case "or": {
      const parts = expression.of.map((part) => compileExpression(part, slots));
      return (view) => {
        for (const part of parts) if (part(view)) return true;
        return false;
      };
    }
    case "at-least": {
      const parts = expression.of.map((part) => compileExpression(part, slots));
      const { count } = expression;
      return (view) => {
        let held = 0;
        for (const part of parts) if (part(view) && ++held >= count) return true;
        return false;
      };
    }
    default:
      return unreachable(expression);
  }
}

/** Once for each set of slots: a regular expression learns from text to text, and whoever explains a finding asks again. */
export function compileAtom(atom: Atom, slots: Slots): Question {
  const known = slots.questions.get(atom);
  if (known !== undefined) return known;
  const { field, test } = atom;
  const made = field === undefined ? askWhole(test) : askField(test, slots.of(field), slots);
  slots.questions.set(atom, made);
  return made;
}

/** Of one text; what keywords and fields, one value and many have in common. */
function askWhole(test: Test): Question {
  switch (test.test) {
    case "text": {
      const holds = matcher(test.cased ? test.pattern : foldPattern(test.pattern));
      return test.cased ? (view) => holds(view.wholeText()) : (view) => holds(view.wholeFold());
    }
    case "regex": {
      const holds = regexTest(test.source, test.flags);
      return (view) => holds(view.wholeText());
    }
    case "number": {
      const words = [...new Set([test.spelling, String(test.value)])].map(fold);
      return (view) => words.some((word) => standsAlone(view.wholeFold(), word));
    }
    default:
      return () => false;
  }
}

function standsAlone(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1))
    if (!/\w/.test(text.charAt(at - 1)) && !/\w/.test(text.charAt(at + word.length))) return true;
  return false;
}

function askField(test: Test, slot: number, slots: Slots): Question {
  switch (test.test) {
    case "text": {
      const holds = matcher(test.cased ? test.pattern : foldPattern(test.pattern));
      return test.cased ? (view) => some(view.text(slot), holds) : (view) => some(view.fold(slot), holds);
    }
    case "regex": {
      const holds = regexTest(test.source, test.flags);
      return (view) => some(view.text(slot), holds);
    }
    case "number": {
      const { value } = test;
      const spelling = fold(test.spelling);
      const plain = String(value);
      return (view) => some(view.fold(slot), (text) => text === plain || text === spelling);
    }
    case "boolean": {
      const word = String(test.value);
      return (view) => some(view.fold(slot), (text) => text === word);
    }
    case "null":
      return (view) => isNothing(view.value(slot));
    case "exists":
      return (view) => (view.value(slot) !== undefined) === test.wanted;
    case "compare": {
      const holds = compares(test.comparison, test.value);
      return (view) => some(view.text(slot), (text) => text.trim() !== "" && holds(Number(text)));
    }
    case "time": {
      const holds = compares(test.comparison, test.value);
      const { part } = test;
      return (view) =>
        scalars(view.value(slot)).some((value) => {
          const found = typeof value === "string" || typeof value === "number" ? timePart(value, part) : undefined;
          return found !== undefined && holds(found);
        });
    }
    case "network": {
      const { network, bits } = test;
      return (view) =>
        some(view.text(slot), (text) => {
          const address = readAddress(text);
          return address !== undefined && lies(address, network, bits);
        });
    }
    case "field": {
      const other = slots.of(test.other);
      const { cased, placement } = test;
      return (view) => {
        const theirs = cased ? view.text(other) : view.fold(other);
        return some(cased ? view.text(slot) : view.fold(slot), (mine) =>
          some(theirs, (text) => placed(placement, mine, text)),
        );
      };
    }
    default:
      return unreachable(test);
  }
}

function some(texts: Texts, holds: (text: string) => boolean): boolean {
  if (typeof texts === "string") return holds(texts);
  return texts !== undefined && texts.some(holds);
}

function isNothing(value: FieldValue | undefined): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

function scalars(value: FieldValue | undefined): readonly Scalar[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar];
}

/** What is no number compares with nothing. */
function compares(comparison: Comparison, value: number): (found: number) => boolean {
  switch (comparison) {
    case "lt":
      return (found) => found < value;
    case "lte":
      return (found) => found <= value;
    case "gt":
      return (found) => found > value;
    case "gte":
      return (found) => found >= value;
    case "eq":
      return (found) => found === value;
    default:
      return unreachable(comparison);
  }
}

export function placed(placement: Placement, text: string, part: string): boolean {
  switch (placement) {
    case "equals":
      return text === part;
    case "starts":
      return text.startsWith(part);
    case "ends":
      return text.endsWith(part);
    case "contains":
      return text.includes(part);
    default:
      return unreachable(placement);
  }
}
