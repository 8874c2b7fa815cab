import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { Instant } from "@provost/shared/model/ids.ts";
import type { Observed, ObservedProcess } from "@provost/shared/model/observed.ts";
import { limits, unpackEvents } from "@provost/shared/protocol/frames.ts";
import { pack } from "@provost/shared/protocol/pack.ts";
import { readBatch } from "@provost/shared/protocol/read-batch.ts";
import { zstd } from "../link/codec.ts";
import { framesOf } from "./frames-of.ts";

const process = (pid: number, more: Partial<ObservedProcess> = {}): ObservedProcess => ({
  pid,
  startedAt: String(pid * 1000),
  executable: "/usr/bin/env",
  arguments: ["env"],
  uid: 0,
  gid: 0,
  name: "env",
  ...more,
});
const exec = (id: string, actor: ObservedProcess): Observed => ({
  kind: "exec",
  id,
  at: 100 as Instant,
  host: "",
  actor,
});
const many = (count: number, actor: (n: number) => ObservedProcess): readonly Observed[] =>
  Array.from({ length: count }, (_, n) => exec(`a-${n}`, actor(n)));
const isTaken = (frames: readonly unknown[]): boolean => readBatch({ kind: "batch", first: 1, skipped: 0, frames }).ok;

test("events come out as they went in, each process once", () => {
  const shell = process(7, { parent: process(1) });
  const { frames, unfit } = framesOf([exec("a-1", shell), exec("a-2", process(8, { parent: shell }))]);
  expect(unfit).toBe(0);
  expect(frames[0]?.processes).toHaveLength(3);
  const [first, second] = frames.flatMap((frame) => unpackEvents(frame, "dev"));
  expect(first).toMatchObject({ id: "dev.a-1", host: "dev", actor: { pid: 7, parent: { pid: 1 } } });
  expect(second?.actor.parent).toEqual(first?.actor);
});

test("arguments that cannot be compressed are cut into frames that each fit into a message", () => {
  const events = many(500, (n) => process(n, { arguments: ["env", randomBytes(4000).toString("hex")] }));
  const { frames, unfit } = framesOf(events);
  expect(unfit).toBe(0);
  expect(frames.flatMap(({ items }) => items)).toHaveLength(500);
  expect(Math.max(...frames.map((frame) => pack(frame, zstd).byteLength))).toBeLessThan(limits.packedBytes);
  expect(isTaken(frames)).toBe(true);
});

test("five hundred long families are taken, cut at the top", () => {
  const family = (n: number): ObservedProcess =>
    Array.from({ length: 11 }, (_, level) => n * 12 + level).reduce<ObservedProcess>(
      (parent, pid) => process(pid, { parent }),
      process(n * 12 + 11),
    );
  const { frames, unfit } = framesOf(many(500, family));
  expect(unfit).toBe(0);
  expect(frames.flatMap(({ items }) => items)).toHaveLength(500);
  expect(isTaken(frames)).toBe(true);
});

test.each([
  ["a path of control characters", process(7, { executable: "/tmp/\u0001" })],
  ["half a surrogate pair", process(7, { executable: "/tmp/\ud800" })],
  ["a path beyond every limit", process(7, { directory: `/${"x".repeat(20_000)}` })],
  ["arguments beyond every limit", process(7, { arguments: ["x".repeat(33_000)] })],
])("%s is counted as lost, and what came with it arrives", (_name, odd) => {
  const { frames, unfit } = framesOf([exec("a-1", process(1)), exec("a-2", odd), exec("a-3", process(2))]);
  expect(unfit).toBe(1);
  expect(frames.flatMap((frame) => unpackEvents(frame, "dev")).map(({ id }) => id)).toEqual(["dev.a-1", "dev.a-3"]);
  expect(isTaken(frames)).toBe(true);
});
