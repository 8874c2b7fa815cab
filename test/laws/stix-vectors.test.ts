import { expect, test } from "vitest";
import { haveStixPatterns, stixPatterns } from "../conformance/stix.ts";

test.skipIf(!haveStixPatterns())(
  "each of the 345 published STIX patterns finds what it should (skipped without PROVOST_VECTORS)",
  async () => {
    const { total, unexpected } = await stixPatterns();
    expect({ total, unexpected }).toEqual({ total: 345, unexpected: [] });
  },
);
