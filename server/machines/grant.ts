import { matches, namePattern, type NameRule } from "@provost/shared/provenance/name-rule.ts";
import type { DocumentKeys } from "@provost/shared/provenance/document-keys.ts";

export const scopes = ["documents:read", "documents:write", "library:admin", "trust:write"] as const;
export type Scope = (typeof scopes)[number];

/** A name compared whole: this very text, or a pattern that matches from the first to the last character. */
export type NameLimit = { readonly exact: string } | { readonly pattern: string };

/** What may be added with a grant, by what a document says of itself. It narrows; it never makes a document believed. */
export interface GrantLimits {
  readonly purl?: NameLimit;
  readonly repository?: NameLimit;
}

/** What a machine may do, however it proved who it is. */
export interface Grant {
  /** Counts requests and bytes against this name. */
  readonly id: string;
  /** "token ci-main", "GitHub repo:octo-org/octo-repo:ref:refs/heads/main": for the log and for where a document came from. */
  readonly who: string;
  readonly scopes: readonly Scope[];
  readonly limits: GrantLimits;
}

/** `library:admin` moves whole libraries, so it reads and writes documents too. Changing trust is never implied. */
export function allows({ scopes: granted }: Pick<Grant, "scopes">, scope: Scope): boolean {
  if (granted.includes(scope)) return true;
  return scope.startsWith("documents:") && granted.includes("library:admin");
}

/** Undefined where the document may be added, else why not. */
export function withinLimits({ purl, repository }: GrantLimits, keys: DocumentKeys): string | undefined {
  if (purl !== undefined && !everyOne(keys.purls, namePattern(purl)))
    return `the token is for packages named ${text(purl)}, and the document does not name just such`;
  if (repository !== undefined && !everyOne(keys.repositories, namePattern(repository)))
    return `the token is for the source ${text(repository)}, and the document does not name just that`;
  return undefined;
}

const everyOne = (names: readonly string[], rule: NameRule): boolean =>
  names.length > 0 && names.every((name) => matches(rule, name));

const text = (limit: NameLimit): string => ("exact" in limit ? limit.exact : limit.pattern);
