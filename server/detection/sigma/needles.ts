/** What an event must have for a rule to hold: texts, one of which is always there. Most rules are passed over by them alone. */
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { Atom, Expression, Placement } from "./expression.ts";
import { fold, type Pattern } from "./pattern.ts";

/** Folded; a rule that minds the case looks again itself. */
export interface FieldNeedle {
  /** Nothing: anywhere in the event. */
  readonly field: string | undefined;
  readonly placement: Placement;
  readonly text: string;
}

/** One of them stands in every event that the expression holds for; nothing: no such texts are known. */
export function needlesOf(expression: Expression): readonly FieldNeedle[] | undefined {
  switch (expression.kind) {
    case "atom":
      return ofAtom(expression);
    case "not":
      return undefined;
    case "or":
    case "at-least": {
      const parts = expression.of.map(needlesOf);
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
    }
    case "and": {
      let best: readonly FieldNeedle[] | undefined;
      for (const part of expression.of) {
        const needles = needlesOf(part);
        if (needles !== undefined && (best === undefined || worth(needles) > worth(best))) best = needles;
      }
      return best;
    }
    default:
      return unreachable(expression);
  }
}

/** Few, long and whole is better. */
function worth(needles: readonly FieldNeedle[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (const { placement, text } of needles)
    least = Math.min(
      least,
      placement === "equals" ? 12 + text.length : placement === "contains" ? text.length : text.length + 1,
    );
  return Math.min(least, 24) - Math.log2(needles.length);
}

function ofAtom({ field, test }: Atom): readonly FieldNeedle[] | undefined {
  switch (test.test) {
    case "text": {
      const needle = ofPattern(test.pattern);
      return needle === undefined ? undefined : [{ field, ...needle }];
    }
    case "number":
      // A number as a keyword stands alone in the event, which only the rule itself can see.
      return [...new Set([fold(test.spelling), String(test.value)])].map((text) => ({
        field,
        placement: field === undefined ? "contains" : "equals",
        text,
      }));
    case "boolean":
      return [{ field, placement: "equals", text: String(test.value) }];
    default:
      return undefined;
  }
}

function ofPattern(pattern: Pattern): { readonly placement: Placement; readonly text: string } | undefined {
  if (pattern.length === 0) return undefined;
  const [first] = pattern;
  if (pattern.length === 1 && typeof first === "string") return { placement: "equals", text: fold(first) };
  let best: { readonly placement: Placement; readonly text: string } | undefined;
  for (const [at, piece] of pattern.entries()) {
    if (typeof piece !== "string" || piece.length <= (best?.text.length ?? 0)) continue;
    const placement = at === 0 ? "starts" : at === pattern.length - 1 ? "ends" : "contains";
    best = { placement, text: fold(piece) };
  }
  return best;
}
