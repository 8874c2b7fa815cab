import { AppError } from "@provost/shared/lib/app-error.ts";
import { instant, type Instant } from "@provost/shared/model/ids.ts";
import type { Criteria } from "@provost/shared/provenance/criteria.ts";
import { namePattern } from "@provost/shared/provenance/name-rule.ts";
import { asRefusal } from "@provost/shared/provenance/refusal.ts";
import type { PackageName } from "@provost/shared/provenance/subject.ts";
import type { SignerRule } from "@provost/shared/provenance/trust.ts";
import type { GivenKey } from "../provenance/given-key.ts";
import type { VerifyQuestion } from "./verify-options.ts";

/** The options of `provost verify` as the engine's criteria. Throws CONFIG_INVALID naming the option. */
export function askedCriteria(asked: VerifyQuestion, keys: readonly GivenKey[]): Criteria {
  const signers = [...identityRules(asked), ...keys.flatMap(keyRules)];
  const { source, branch, tag, versionedTag, commit, builder } = asked;
  const minimumLevel = ([1, 2, 3] as const).find((level) => String(level) === asked.minLevel);
  const inputs = askedInputs(asked.input);
  const expected = {
    source,
    branch,
    tag,
    versionedTag,
    commit,
    builder,
    minimumLevel,
    inputs,
    package: askedPackage(asked.package),
  };
  if (commit !== undefined && !/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(commit))
    throw wrong("--commit", "a whole commit id of 40 or 64 hexadecimal digits", commit);
  return {
    ...Object.fromEntries(Object.entries(expected).filter(([, one]) => one !== undefined)),
    ...(signers.length === 0 ? {} : { signers }),
  };
}

function identityRules({ issuer, identity, identityPattern: pattern }: VerifyQuestion): readonly SignerRule[] {
  if (issuer === undefined && identity === undefined && pattern === undefined) return [];
  if (issuer === undefined || (identity === undefined) === (pattern === undefined))
    throw new AppError("CONFIG_INVALID", "an identity belongs to its issuer", {
      remedy: "give --issuer and either --identity or --identity-pattern",
    });
  try {
    const rule = identity === undefined ? namePattern({ pattern: pattern ?? "" }) : namePattern({ exact: identity });
    return [{ kind: "certificate", issuer, identity: rule }];
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", `--identity-pattern: ${asRefusal(cause).message}`, { cause });
  }
}

const keyRules = (given: GivenKey): readonly SignerRule[] =>
  (given.kind === "keyring" ? given.fingerprints : given.keys.map(({ id }) => id)).map((keyId) => ({
    kind: "key",
    keyId,
  }));

export type AskedPackage = Pick<PackageName, "ecosystem" | "name"> & { readonly version?: string };

export function askedPackage(purl: string | undefined): AskedPackage | undefined {
  if (purl === undefined) return undefined;
  // Letter by letter: npm's names of before 2017 differ in case alone, and a library would fold them.
  const [, type, scope, base = "", version] =
    /^pkg:(npm|pypi)\/(?:(?:%40|@)([^/@%?#]+)\/)?([^/@%?#]+)(?:@([^/@?#]+))?$/.exec(purl) ?? [];
  if ((type !== "npm" && type !== "pypi") || (type === "pypi" && scope !== undefined))
    throw wrong("--package", "pkg:npm/name@version or pkg:pypi/name@version", purl);
  const name = scope === undefined ? base : `@${scope}/${base}`;
  return { ecosystem: type, name, ...(version === undefined ? {} : { version: version.replace(/%2B/gi, "+") }) };
}

function askedInputs(inputs: readonly string[] | undefined): Readonly<Record<string, string>> | undefined {
  if (inputs === undefined) return undefined;
  const pairs = inputs.map((text) => {
    const at = text.indexOf("=");
    if (at <= 0) throw wrong("--input", "name=value", text);
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  return Object.fromEntries(pairs);
}

/** RFC 3339, with its offset: a time without one means another moment on each machine. */
export function askedTime(text: string): Instant {
  const time = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:\d\d)$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(time)) throw wrong("--at", "a time with its offset, such as 2026-01-31T12:00:00Z", text);
  return instant(time);
}

const wrong = (option: string, wanted: string, got: string): AppError =>
  new AppError("CONFIG_INVALID", `${option}: wanted ${wanted}, got ${got.slice(0, 200)}`);
