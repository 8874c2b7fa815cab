import { existsSync, readdirSync, readFileSync } from "node:fs";
import { parseStrictJson } from "@provost/shared/lib/strict-json.ts";
import { cycloneDxVersions, type CycloneDxVersion } from "@provost/shared/sbom/cyclonedx/read-cyclonedx.ts";
import { validateCycloneDx } from "@provost/shared/sbom/cyclonedx/validate.ts";
import { readDocument } from "@provost/shared/sbom/read.ts";
import type { Sbom } from "@provost/shared/sbom/sbom.ts";
import { sbomVectors, setResult, type CaseResult, type SetResult } from "./vectors.ts";

/** The specification's own documents; the file's name says whether it is valid. Schema and reader both have to say so. */
export async function cycloneDx(): Promise<SetResult> {
  const results: CaseResult[] = [];
  for (const version of cycloneDxVersions)
    for (const name of filesIn(sbomVectors("cyclonedx", version))) {
      const got = await acceptance(readFileSync(sbomVectors("cyclonedx", version, name)), version);
      results.push({
        id: `${version}/${name}`,
        asExpected: (got === "accept") === name.startsWith("valid-"),
        got,
      });
    }
  return setResult("cyclonedx", results);
}

async function acceptance(bytes: Uint8Array, version: CycloneDxVersion): Promise<string> {
  const json = parseStrictJson(bytes);
  if (!json.ok) return json.why;
  const valid = await validateCycloneDx(json.value, version);
  if (!valid.ok) return valid.why;
  const reading = readDocument(bytes);
  return reading.kind === "refused" ? `${reading.basis}: ${reading.why}` : "accept";
}

/** Examples of the SPDX project: each must be read, describe something and lead nowhere outside. One of them repeats an element. */
export function spdx3(): Promise<SetResult> {
  const results = filesIn(sbomVectors("spdx3")).map((name): CaseResult => {
    const reading = readDocument(readFileSync(sbomVectors("spdx3", name)));
    const got =
      reading.kind === "refused"
        ? `${reading.basis}: ${reading.why}`
        : reading.kind === "vex"
          ? "a VEX document"
          : odd(reading.sbom).join("; ");
    return { id: name, asExpected: got === "", got };
  });
  return Promise.resolve(setResult("spdx3", results));
}

const odd = ({ problems, subjects }: Sbom): readonly string[] => [
  ...problems.filter((one) => !one.startsWith("an element stands in it twice")),
  ...(subjects.length === 0 ? ["it describes nothing"] : []),
];

const filesIn = (folder: string): readonly string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith(".json"))
        .map(({ name }) => name)
        .toSorted()
    : [];
