import { expect, test } from "vitest";
import { inventory } from "../conformance/inventory.ts";
import { openVex } from "../conformance/openvex.ts";
import { purl } from "../conformance/purl.ts";
import { cycloneDx, spdx3 } from "../conformance/sbom.ts";
import { writtenSboms } from "../conformance/written-sbom.ts";
import { haveVectors } from "../conformance/vectors.ts";

test.skipIf(!haveVectors()).each([
  ["package URLs", purl, 586],
  ["CycloneDX", cycloneDx, 269],
  ["SPDX 3", spdx3, 26],
  ["OpenVEX", openVex, 40],
  ["an inventory", inventory, 5],
  ["what we write", writtenSboms, 16],
])(
  "%s: every published case comes out as its publisher says (skipped without PROVOST_VECTORS)",
  async (_name, set, least) => {
    const { total, unexpected } = await set();
    expect({ unexpected, enough: total >= least }).toEqual({ unexpected: [], enough: true });
  },
  60_000,
);
