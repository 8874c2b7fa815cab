/**
 * `npm run sbom-schemas`: CycloneDX's JSON schemas as the project publishes them in its library, without the words for people, so
 * that they weigh a fifth and are loaded one by one. test/laws/sbom-schemas.test.ts holds what is committed against this.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { top } from "./repository.ts";

export const schemaFolder = "shared/sbom/schemas";

/** File name to content, as it is to be committed. */
export function sbomSchemas(): ReadonlyMap<string, string> {
  return new Map(
    sources.map(([source, name]) => {
      const schema: unknown = JSON.parse(readFileSync(join(published(), source), "utf8"));
      return [name, `${JSON.stringify(withoutWords(schema, "schema"))}\n`];
    }),
  );
}

const published = (): string =>
  join(
    dirname(createRequire(join(top, "package.json")).resolve("@cyclonedx/cyclonedx-library/package.json")),
    "res/schema",
  );

const sources: readonly (readonly [string, string])[] = [
  ...["1.4", "1.5", "1.6", "1.7"].map(
    (version) => [`bom-${version}.SNAPSHOT.schema.json`, `cyclonedx-${version}.json`] as const,
  ),
  ["spdx.SNAPSHOT.schema.json", "spdx-licences.json"],
  ["jsf-0.82.SNAPSHOT.schema.json", "jsf-0.82.json"],
  ["cryptography-defs.SNAPSHOT.schema.json", "cryptography.json"],
];

const words = new Set(["$comment", "title", "description", "examples", "meta:enum", "deprecated", "default"]);
/** Below these stand names of members, which may be called "description" and "title" themselves. */
const namesBelow = new Set(["properties", "patternProperties", "definitions", "$defs"]);
const literally = new Set(["enum", "const"]);

function withoutWords(value: unknown, place: "schema" | "names"): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutWords(item, "schema"));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => place === "names" || !words.has(name))
      .map(([name, item]) => [
        name,
        place === "schema" && literally.has(name)
          ? item
          : withoutWords(item, place === "schema" && namesBelow.has(name) ? "names" : "schema"),
      ]),
  );
}

if (process.argv[1] === import.meta.filename)
  for (const [name, text] of sbomSchemas()) writeFileSync(join(top, schemaFolder, name), text);
