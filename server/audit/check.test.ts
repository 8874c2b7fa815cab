import { expect, test } from "vitest";
import { bind, chainStart } from "@provost/shared/lib/chain.ts";
import type { ChainedEntry } from "@provost/shared/lib/chain.ts";
import { openChainCheck } from "./check.ts";

function* chainOf(length: number): Generator<ChainedEntry> {
  let before = chainStart;
  for (let sequence = 1; sequence <= length; sequence += 1) {
    const entry = bind(before, { sequence, at: sequence, kind: "command", by: "ada", says: "Did it", facts: {} });
    before = entry.hash;
    yield entry;
  }
}

test("a look lets others be answered in between, and serves everybody who asks meanwhile", async () => {
  let read = 0;
  let looks = 0;
  const check = openChainCheck({
    stretch: () => {
      looks += 1;
      return { first: 1, count: 5000, before: chainStart, last: "" };
    },
    highest: () => 5000,
    *entries() {
      for (const entry of chainOf(5000)) {
        read += 1;
        yield entry;
      }
    },
  });
  const all = [check(), check(), check()];
  let between = 0;
  const other = setInterval(() => (between += read > 0 && read < 5000 ? 1 : 0), 0);
  expect((await Promise.all(all)).map(({ whole, entries }) => [whole, entries])).toEqual(
    Array.from({ length: 3 }, () => [true, 5000]),
  );
  clearInterval(other);
  expect(between).toBeGreaterThan(0);
  await check();
  expect(looks).toBe(2);
});
