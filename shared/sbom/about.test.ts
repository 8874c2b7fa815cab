import { describe, expect, test } from "vitest";
import type { Purl, Sha256 } from "../model/ids.ts";
import { componentsAbout, covers, statementsAbout } from "./about.ts";
import type { Sbom, SbomComponent } from "./sbom.ts";
import type { Vex, VexProduct } from "./vex.ts";

const [one, two] = ["11".repeat(32) as Sha256, "22".repeat(32) as Sha256];
const bash = "pkg:deb/debian/bash@5.2?arch=amd64" as Purl;

test.each<readonly [string, string, boolean]>([
  ["pkg:deb/debian/bash@5.2?arch=amd64", bash, true],
  ["pkg:deb/debian/bash@5.2", bash, true],
  ["pkg:deb/debian/bash", bash, true],
  ["pkg:deb/debian/bash@5.1", bash, false],
  ["pkg:deb/debian/bash@5.2?arch=arm64", bash, false],
  ["pkg:deb/debian/bash@5.2?arch=amd64&distro=sid", bash, false],
  ["pkg:deb/ubuntu/bash", bash, false],
  ["pkg:deb/debian/dash", bash, false],
  ["pkg:npm/bash", bash, false],
  ["pkg:deb/debian/bash#lib", bash, false],
])("%s covers %s: %s", (wide, narrow, wanted) => {
  expect(covers(wide as Purl, narrow as Purl)).toBe(wanted);
});

const product = (more: Partial<VexProduct>): VexProduct => ({ id: "p", digests: [], ...more });
const sha = (hex: string) => [{ algorithm: "sha256", hex }];
const vexOf = (...products: readonly VexProduct[]): Vex => ({
  format: "openvex",
  specVersion: "0.2.0",
  statements: [{ vulnerability: "CVE-1", aliases: [], products, status: "fixed" }],
  problems: [],
});

describe("a statement touches", () => {
  test.each<readonly [string, VexProduct, boolean]>([
    ["the file with its digest", product({ digests: sha(one) }), true],
    ["the package that the file stands in", product({ purl: bash }), true],
    ["no file with other bytes, whatever its package is called", product({ purl: bash, digests: sha(two) }), false],
    [
      "the package, where only a weaker digest is given",
      product({ purl: bash, digests: [{ algorithm: "md5", hex: "00" }] }),
      true,
    ],
    ["nothing without a name", product({}), false],
  ])("%s", (_name, item, wanted) => {
    expect(statementsAbout(vexOf(item), { sha256: one, purls: [bash] })).toHaveLength(wanted ? 1 : 0);
  });

  test("nothing, where it has no product", () => {
    expect(statementsAbout(vexOf(), { sha256: one, purls: [bash] })).toEqual([]);
  });
});

test("a document names the file as what it describes and as a part", () => {
  const component = (ref: string, more: Partial<SbomComponent>): SbomComponent => ({
    ref,
    kind: "file",
    name: ref,
    digests: [],
    licences: [],
    ...more,
  });
  const sbom: Sbom = {
    format: "spdx",
    specVersion: "2.3",
    subjects: [component("a", { digests: sha(one) })],
    components: [component("b", { purl: bash }), component("c", { digests: sha(two) })],
    edges: [],
    tools: [],
    problems: [],
  };
  expect(componentsAbout(sbom, { sha256: one, purls: [bash] }).map(({ ref }) => ref)).toEqual(["a", "b"]);
  expect(componentsAbout(sbom, { purls: [] })).toEqual([]);
});
