import { expect, test } from "vitest";
import { files, read } from "./repository.ts";
import { sbomSchemas, schemaFolder } from "./write-sbom-schemas.ts";

test("shared/sbom/schemas holds what `npm run sbom-schemas` makes of the published schemas, and nothing else", () => {
  const made = sbomSchemas();
  expect(made.size).toBe(7);
  expect(
    files(schemaFolder)
      .map((path) => path.slice(schemaFolder.length + 1))
      .toSorted(),
  ).toEqual([...made.keys()].toSorted());
  for (const [name, text] of made) expect([name, read(`${schemaFolder}/${name}`) === text]).toEqual([name, true]);
});
