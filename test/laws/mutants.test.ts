import { expect, test } from "vitest";
import { formats } from "@provost/shared/provenance/formats/index.ts";
import { mutantSeeds } from "../conformance/mutant-seeds.ts";
import { mutants } from "../conformance/mutants.ts";
import { haveVectors } from "../conformance/vectors.ts";

test("no document changed in one byte still proves a file", async () => {
  const { total, unexpected } = await mutants(1000, 1);
  expect({ unexpected, enough: total > 1000 }).toEqual({ unexpected: [], enough: true });
}, 60_000);

test.skipIf(!haveVectors())(
  "every format has a document that is changed (skipped without PROVOST_VECTORS)",
  async () => {
    const changed = new Set((await mutantSeeds()).map(({ format }) => format));
    expect(formats.map(({ id }) => id).filter((id) => !changed.has(id))).toEqual([]);
  },
);
