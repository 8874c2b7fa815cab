import { expect, test } from "vitest";
import { mutants } from "../conformance/mutants.ts";
import { haveVectors } from "../conformance/vectors.ts";

test.skipIf(!haveVectors())(
  "no document changed in one byte still proves a file (skipped without PROVOST_VECTORS)",
  async () => {
    const { total, unexpected } = await mutants(400, 1);
    expect({ unexpected, enough: total > 400 }).toEqual({ unexpected: [], enough: true });
  },
  30_000,
);
