import { unreadable } from "./refusal.ts";

/** A name is compared whole: the very text, or a pattern that has to match from its first to its last character. */
export type NameRule =
  | { readonly kind: "exact"; readonly text: string }
  | { readonly kind: "pattern"; readonly pattern: RegExp; readonly text: string };

export function namePattern(rule: { readonly exact: string } | { readonly pattern: string }): NameRule {
  if ("exact" in rule) return { kind: "exact", text: rule.exact };
  return { kind: "pattern", text: rule.pattern, pattern: anchored(rule.pattern) };
}

export function matches(rule: NameRule, name: string): boolean {
  return rule.kind === "exact" ? rule.text === name : name.length <= maxName && rule.pattern.test(name);
}

/** Identities are at most 2,048 characters; a pattern never runs over more. */
const maxName = 4096;

/**
 * Anchored whether or not its author wrote the anchors: a pattern that matches somewhere inside would trust whoever can put the
 * text into a longer name. A quantified group that is itself quantified is refused, because it can take exponential time.
 */
function anchored(pattern: string): RegExp {
  if (/\([^()]*[*+}][^()]*\)[*+{]/.test(pattern)) throw unreadable(`the pattern ${pattern} repeats a repetition`);
  try {
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch {
    throw unreadable(`the pattern ${pattern} is no regular expression`);
  }
}
