import type * as z from "zod/mini";
import { safeText } from "../lib/path-text.ts";

type Issue = z.core.$ZodIssue;

/**
 * The first thing that is wrong, and where: "at: wanted a number". In words of our own, for the schema library's small form, which the
 * daemon reads with, says nothing but "Invalid input". `whole` is what the document is called.
 */
export function firstWrong(issues: readonly Issue[], whole: string): string {
  const [issue] = issues;
  if (issue === undefined) return `${whole}: not understood`;
  const where = issue.path.map(String).join(".");
  return `${where === "" ? whole : safeText(where).slice(0, 200)}: ${wordsOf(issue)}`;
}

function wordsOf(issue: Issue): string {
  switch (issue.code) {
    case "unrecognized_keys":
      return `unrecognized key ${safeText(issue.keys.join(", ")).slice(0, 200)}`;
    case "invalid_type":
      return `wanted ${issue.expected}`;
    case "invalid_value":
      return `wanted one of ${issue.values.map(String).join(", ").slice(0, 200)}`;
    case "too_big":
      return `more than ${issue.maximum}`;
    case "too_small":
      return `less than ${issue.minimum}`;
    default:
      return issue.message;
  }
}
