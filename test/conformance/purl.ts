import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { buildPurl, canonicalPurl, parsePurl, type PurlParts } from "@provost/shared/ecosystems/purl.ts";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import { json, sbomVectors, setResult, type CaseResult, type SetResult } from "./vectors.ts";

/** The package URL specification's own cases: text to parts, parts to text, and text to its canonical form. */
export function purl(): Promise<SetResult> {
  const folder = sbomVectors("purl", "tests");
  const files = ["types", "spec"].flatMap((name) =>
    existsSync(join(folder, name)) ? readdirSync(join(folder, name)).map((file) => join(folder, name, file)) : [],
  );
  const cases = files.toSorted().flatMap((file) => {
    const { tests } = json(file) as { readonly tests: readonly Case[] };
    return tests.map((one, at) => outcome(`${basename(file)} ${at} ${one.test_type}: ${one.description}`, one));
  });
  return Promise.resolve(setResult("purl", cases));
}

interface Case {
  readonly description: string;
  readonly test_type: "build" | "parse" | "validate";
  readonly input: string | Parts;
  readonly expected_output: string | Parts | null;
  readonly expected_failure: boolean;
}
type Parts = Readonly<Record<string, unknown>>;

function outcome(id: string, { test_type, input, expected_output, expected_failure }: Case): CaseResult {
  const got = answer(test_type, input);
  const shown = got === undefined ? "refused" : typeof got === "string" ? got : canonicalJson(got);
  const wanted =
    expected_failure || expected_output === null
      ? "refused"
      : typeof expected_output === "string"
        ? expected_output
        : canonicalJson(present(expected_output));
  return { id, asExpected: shown === wanted, got: `${shown}, wanted ${wanted}` };
}

function answer(kind: Case["test_type"], input: Case["input"]): string | PurlParts | undefined {
  if (typeof input !== "string") return buildPurl(present(input));
  return kind === "parse" ? parsePurl(input) : canonicalPurl(input);
}

function present(parts: Parts): PurlParts {
  const known = Object.entries(parts).filter(([, value]) => value !== null);
  return { type: "", name: "", ...Object.fromEntries(known) };
}
