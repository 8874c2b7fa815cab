/** A rule's `detection`, or a filter's selections: search identifiers and the condition that joins them. */
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import { readCondition } from "./condition.ts";
import type { Tree, TreeMap, TreeScalar } from "./document.ts";
import { all, any, countAtoms, type Atom, type Expression, type Test } from "./expression.ts";
import { RuleFault } from "./fault.ts";
import { applyModifiers } from "./modifiers.ts";
import { many, tidy } from "./pattern.ts";
import type { Placeholders } from "./placeholders.ts";

/** Names inside that are no search identifiers; `timeframe` belonged to the aggregations of version 1. */
const reserved = new Set(["condition", "timeframe", "rules"]);

const mostAtoms = 20_000;

export function readDetection(map: TreeMap, placeholders: Placeholders): Expression {
  const condition = map.entries.get("condition");
  if (condition === undefined) throw new RuleFault(map.line, "the detection has no condition");
  const selections = new Map<string, Expression>();
  for (const [name, { value, line }] of map.entries)
    if (!reserved.has(name)) selections.set(name, readSelection(name, value, placeholders, line));
  const conditions = condition.value.kind === "list" ? condition.value.items : [condition.value];
  if (conditions.length === 0) throw new RuleFault(condition.line, "the detection has no condition");
  const detection = any(
    conditions.map((text) => {
      if (text.kind !== "scalar" || typeof text.value !== "string")
        throw new RuleFault(text.line, "a condition has to be text");
      return readCondition(text.value, selections, text.line);
    }),
  );
  if (countAtoms(detection, mostAtoms) > mostAtoms)
    throw new RuleFault(condition.line, `the condition asks more than ${mostAtoms} questions`);
  return detection;
}

function readSelection(name: string, tree: Tree, placeholders: Placeholders, line: number): Expression {
  switch (tree.kind) {
    case "map":
      return readMap(name, tree, placeholders);
    case "scalar":
      return keywords(name, [], [tree], placeholders, tree.line);
    case "list": {
      if (tree.items.length === 0) throw new RuleFault(line, `"${name}" is empty`);
      return any(
        tree.items.map((item) => {
          if (item.kind === "list") throw new RuleFault(item.line, "a list inside a list means nothing here");
          return readSelection(name, item, placeholders, item.line);
        }),
      );
    }
    default:
      return unreachable(tree);
  }
}

function readMap(name: string, map: TreeMap, placeholders: Placeholders): Expression {
  if (map.entries.size === 0) throw new RuleFault(map.line, `"${name}" is empty`);
  const parts: Expression[] = [];
  for (const [key, { value, line }] of map.entries) {
    const [field = "", ...modifiers] = key.split("|");
    const scalars = scalarsOf(key, value);
    parts.push(
      field === ""
        ? keywords(name, modifiers, scalars, placeholders, line)
        : ask(name, field, modifiers, scalars, placeholders, line),
    );
  }
  return all(parts);
}

function scalarsOf(key: string, value: Tree): readonly TreeScalar[] {
  const items = value.kind === "list" ? value.items : [value];
  if (items.length === 0) throw new RuleFault(value.line, `"${key}" has no values`);
  return items.map((item) => {
    if (item.kind !== "scalar") throw new RuleFault(item.line, `"${key}" wants values, not a ${item.kind}`);
    return item;
  });
}

function ask(
  selection: string,
  field: string,
  modifiers: readonly string[],
  scalars: readonly TreeScalar[],
  placeholders: Placeholders,
  line: number,
): Expression {
  const { tests, join, negated } = applyModifiers(modifiers, scalars, placeholders, line);
  if (tests.length === 0) throw new RuleFault(line, `"${field}" has no values`);
  const atoms = tests.map((test): Atom => ({ kind: "atom", selection, field, test, line }));
  const joined = join === "and" ? all(atoms) : any(atoms);
  return negated ? { kind: "not", of: joined } : joined;
}

/** Searched for in the whole event. Texts stand anywhere in it; numbers stand by themselves, or 0 would be in every date. */
function keywords(
  selection: string,
  modifiers: readonly string[],
  scalars: readonly TreeScalar[],
  placeholders: Placeholders,
  line: number,
): Expression {
  const odd = modifiers.filter((modifier) => !keywordModifiers.has(modifier));
  if (odd.length > 0) throw new RuleFault(line, `"${odd.join("|")}" needs a field before it`);
  const { tests, join, negated } = applyModifiers(modifiers, scalars, placeholders, line);
  const atoms = tests.map((test): Atom => ({
    kind: "atom",
    selection,
    field: undefined,
    test: anywhere(test, line),
    line,
  }));
  const joined = join === "and" ? all(atoms) : any(atoms);
  return negated ? { kind: "not", of: joined } : joined;
}

const keywordModifiers = new Set(
  "all neq cased contains re i m s windash expand base64 base64offset utf16 utf16le utf16be wide".split(" "),
);

function anywhere(test: Test, line: number): Test {
  if (test.test === "text") return { ...test, pattern: tidy([many, ...test.pattern, many]) };
  if (test.test === "boolean") return { test: "text", pattern: tidy([many, String(test.value), many]), cased: false };
  if (test.test === "null") throw new RuleFault(line, "nothing (null) cannot be searched for in a whole event");
  return test;
}
