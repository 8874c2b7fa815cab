import { unexpected, type Criteria } from "./criteria.ts";
import type { Statement } from "./intoto/statement.ts";
import { subjectIn } from "./subject-match.ts";
import type { Subject } from "./subject.ts";

/**
 * The package that the asker expects. The registries' own formats compare it themselves, with the name they bind; any other statement
 * has to name this file as that package URL, letter by letter. A document that names no package does not meet it.
 */
export function requirePackage(
  format: string,
  statement: Statement | undefined,
  { package: wanted }: Criteria,
  subject: Subject,
): void {
  if (wanted === undefined || own.has(format)) return;
  // The registry's signature covers name, version and digest, and was compared with the package asked about.
  if (format === "npm-signature" && subject.package !== undefined) return;
  const name = statement === undefined ? "" : subjectIn(statement, subject).name;
  const [, type, base, version] = /^pkg:(npm|pypi)\/(.+?)@([^@?#]+)$/.exec(name) ?? [];
  const shown = `${wanted.name ?? "a package"}${wanted.version === undefined ? "" : `@${wanted.version}`}`;
  if (base === undefined || version === undefined) throw unexpected(`it names no package, and ${shown} was expected`);
  const same =
    (wanted.ecosystem === undefined || wanted.ecosystem === type) &&
    (wanted.name === undefined || wanted.name === base.replace(/^%40/i, "@")) &&
    (wanted.version === undefined || wanted.version === version.replace(/%2B/gi, "+"));
  if (!same) throw unexpected(`it is ${name}, not ${shown}`);
}

const own = new Set(["npm-attestations", "pep740"]);
