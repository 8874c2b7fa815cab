import { expect, test } from "vitest";
import { cycloneDxVersions } from "./read-cyclonedx.ts";
import { validateCycloneDx } from "./validate.ts";

const bom = { bomFormat: "CycloneDX", specVersion: "1.6", version: 1 };
const component = { type: "library", name: "a", version: "1" };

test.each(cycloneDxVersions)(
  "the smallest document of %s is valid, one with a member of nobody's is not",
  async (version) => {
    const document = { ...bom, specVersion: version };
    expect(await validateCycloneDx(document, version)).toEqual({ ok: true });
    expect(await validateCycloneDx({ ...document, colour: "red" }, version)).toMatchObject({ ok: false });
  },
);

test.each<readonly [string, object, string]>([
  ["a wrong type", { components: {} }, "/components must be array"],
  [
    "the same component twice",
    { components: [component, { ...component }] },
    "/components must not hold the same item twice",
  ],
  [
    "a licence that SPDX does not list",
    { components: [{ ...component, licenses: [{ license: { id: "MIT-ish" } }] }] },
    "/components/0/licenses/0/license/id must be equal to one of the allowed values",
  ],
  [
    "a digest of the wrong length",
    { components: [{ ...component, hashes: [{ alg: "SHA-256", content: "ab" }] }] },
    "/components/0/hashes/0/content must match pattern",
  ],
  [
    "a time that is none",
    { metadata: { timestamp: "2026-02-31" } },
    '/metadata/timestamp must match format "date-time"',
  ],
  [
    "a reference with a blank",
    { components: [{ ...component, externalReferences: [{ type: "website", url: "https://a b" }] }] },
    "/components/0/externalReferences/0/url must match",
  ],
])("%s is named with its place", async (_name, more, why) => {
  const validity = await validateCycloneDx({ ...bom, ...more }, "1.6");
  expect(validity.ok ? "valid" : validity.why).toContain(why);
});

test("100,000 components are compared with each other in one pass", async () => {
  const components = Array.from({ length: 100_000 }, (_, at) => ({ ...component, name: `a${at}` }));
  expect(await validateCycloneDx({ ...bom, components }, "1.6")).toEqual({ ok: true });
}, 60_000);
