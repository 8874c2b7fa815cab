import spdx from "./schemas/spdx-licences.json" with { type: "json" };

/** A licence as formats want it told apart: an identifier of the SPDX list, an expression of such, or words. */
export type Licence =
  | { readonly kind: "id"; readonly text: string }
  | { readonly kind: "expression"; readonly text: string }
  | { readonly kind: "name"; readonly text: string };

export function licenceOf(text: string): Licence {
  if (ids.has(text)) return { kind: "id", text };
  return { kind: isExpression(text) ? "expression" : "name", text };
}

/** What SPDX's own documents may carry; words stay a property there. */
export function expressionOf(written: string): string | undefined {
  const { kind, text } = licenceOf(written);
  return kind === "name" ? undefined : text;
}

const ids: ReadonlySet<string> = new Set(spdx.enum);

/** SPDX 2.3 annex D: identifiers, "+", WITH, AND, OR and brackets. Who writes anything else wrote words. */
function isExpression(text: string): boolean {
  if (text.length > 200) return false;
  const words = text.replaceAll(/[()]/g, " $& ").trim().split(/\s+/);
  let depth = 0;
  let wanted: "licence" | "operator" = "licence";
  for (const word of words) {
    if (word === "(" && wanted === "licence") depth += 1;
    else if (word === ")" && wanted === "operator" && depth > 0) depth -= 1;
    else if (operators.has(word) && wanted === "operator") wanted = "licence";
    else if (wanted === "licence" && isOperand(word)) wanted = "operator";
    else return false;
  }
  return depth === 0 && wanted === "operator";
}

const operators: ReadonlySet<string> = new Set(["AND", "OR", "WITH"]);
/** The list holds exceptions ("Classpath-exception-2.0") as well. */
const isOperand = (word: string): boolean => ids.has(word) || ids.has(word.replace(/\+$/, ""));
