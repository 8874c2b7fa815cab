/** Why a rule held for an event: the parts of it that were so, with what the event said. */
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { DetectionEvent, FieldValue, Reason } from "../rule.ts";
import { compileAtom } from "./ask.ts";
import type { Atom, Expression, Test } from "./expression.ts";
import { patternText } from "./pattern.ts";
import type { Slots, View } from "./view.ts";

const most = { reasons: 32, characters: 512 };

/** Asked only after a rule held, so nothing is prepared for it. */
export function reasonsFor(expression: Expression, event: DetectionEvent, view: View, slots: Slots): readonly Reason[] {
  const reasons: Reason[] = [];
  for (const atom of affirmed(expression)) {
    if (reasons.length >= most.reasons) break;
    if (!compileAtom(atom, slots)(view)) continue;
    reasons.push({
      selection: atom.selection,
      field: atom.field,
      says: describe(atom.test),
      value: atom.field === undefined ? "" : shown(event.fields[atom.field]),
    });
  }
  return reasons;
}

/** What stands under a `not` is no reason. */
function* affirmed(expression: Expression): Generator<Atom> {
  if (expression.kind === "atom") yield expression;
  else if (expression.kind !== "not") for (const part of expression.of) yield* affirmed(part);
}

export function describe(test: Test): string {
  switch (test.test) {
    case "text":
      return `${test.cased ? "is exactly" : "is"} ${quoted(patternText(test.pattern))}`;
    case "number":
      return `is ${test.spelling}`;
    case "boolean":
      return `is ${test.value}`;
    case "null":
      return "is nothing";
    case "exists":
      return test.wanted ? "is there" : "is not there";
    case "compare":
      return `is ${comparisonWords[test.comparison]} ${test.value}`;
    case "time":
      return `has a ${test.part} that is ${comparisonWords[test.comparison]} ${test.value}`;
    case "regex":
      return `matches /${test.source}/${test.flags}`;
    case "network":
      return `lies in ${test.spelling}`;
    case "field":
      return `${test.placement === "equals" ? "equals" : `${test.placement} with`} the field ${test.other}`;
    default:
      return unreachable(test);
  }
}

/** As the rule writes it: JSON would double each backslash. */
function quoted(text: string): string {
  return `"${text}"`;
}

const comparisonWords = { lt: "below", lte: "at most", gt: "above", gte: "at least", eq: "equal to" } as const;

function shown(value: FieldValue | undefined): string {
  const text = Array.isArray(value) ? value.join(", ") : String(value ?? "");
  return text.length > most.characters ? `${text.slice(0, most.characters)}…` : text;
}
