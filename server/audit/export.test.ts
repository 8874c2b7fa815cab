import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { bind, chainStart } from "@provost/shared/lib/chain.ts";
import type { ChainedEntry } from "@provost/shared/lib/chain.ts";
import { auditHeadText } from "@provost/shared/model/audit-head.ts";
import type { AuditHead } from "@provost/shared/model/audit-head.ts";
import { makeKeyPair } from "../../test/support/raw-agent.ts";
import { verifyWith } from "../edge/keys.ts";
import { auditLines } from "./export.ts";

const key = makeKeyPair();
const asked = { from: 0, to: 9, by: "ada", at: 5 };
const entry = bind(chainStart, { sequence: 1, at: 1, kind: "command", by: "ada", says: "Did it", facts: {} });

test("the head says what follows, signed by the server's key", () => {
  const store = {
    stretch: () => ({ first: 1, count: 1, before: chainStart, last: entry.hash }),
    entries: () => [entry],
  };
  const [first = "", ...rest] = auditLines(store, key, asked);
  const { head, signature } = JSON.parse(first) as { head: AuditHead; signature: string };
  expect(head).toEqual({
    audit: "provost-server",
    form: 1,
    at: 5,
    by: "ada",
    entries: 1,
    first: 1,
    before: chainStart,
    last: entry.hash,
    key: key.publicKey,
  });
  expect(verifyWith(head.key, Buffer.from(auditHeadText(head)), signature)).toBe(true);
  expect(verifyWith(head.key, Buffer.from(auditHeadText({ ...head, entries: 0 })), signature)).toBe(false);
  expect(rest.map((line) => JSON.parse(line) as ChainedEntry)).toEqual([entry]);
});

test("no more is read than somebody takes", async () => {
  let read = 0;
  const store = {
    stretch: () => ({ first: 1, count: 100_000, before: chainStart, last: chainStart }),
    *entries() {
      for (; read < 100_000; read += 1) yield entry;
    },
  };
  const stream = Readable.from(auditLines(store, key, asked));
  const lines = stream[Symbol.asyncIterator]();
  for (let taken = 0; taken < 50; taken += 1) await lines.next();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(read).toBeLessThan(50 + 2 * stream.readableHighWaterMark);
  stream.destroy();
});
