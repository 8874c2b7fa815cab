import { expect, test } from "vitest";
import { instant } from "@provost/shared/model/ids.ts";
import { until } from "../../../test/support/server-world.ts";
import type { Puller } from "./pull.ts";
import { startPullWork } from "./pull-work.ts";

const now = () => instant(Date.now());
const puller = (run: Puller["run"], more: Partial<Puller> = {}): Puller => ({
  want: () => undefined,
  run,
  nextDueAt: () => undefined,
  ...more,
});

test("many wakes are one look at what devices have, and then a run", async () => {
  const did: string[] = [];
  const work = startPullWork({
    puller: puller(async () => void did.push("run")),
    note: () => void did.push("note"),
    now,
    failed: () => undefined,
    settleMs: 20,
  });
  for (let at = 0; at < 10; at += 1) work.wake();
  await until(() => did.length >= 2, "both");
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(did).toEqual(["note", "run"]);
  await work.close();
});

test("what is due is pulled without being woken, and a failure is told and ends nothing", async () => {
  const said: string[] = [];
  let runs = 0;
  const work = startPullWork({
    puller: puller(
      () => {
        runs += 1;
        return Promise.reject(new Error("no network"));
      },
      { nextDueAt: () => (runs === 0 ? now() : undefined) },
    ),
    note: () => {
      throw new Error("no store");
    },
    now,
    failed: (why) => said.push(why),
    settleMs: 10,
  });
  await until(() => runs === 1, "the run that was due", 3000);
  work.wake();
  await until(() => runs === 2, "the run that was asked for");
  expect(said).toEqual(["no network", "no store", "no network"]);
  await work.close();
});

test("closing waits for the pull in hand, and nothing starts afterwards", async () => {
  let runs = 0;
  let released = false;
  const work = startPullWork({
    puller: puller(async (signal) => {
      runs += 1;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => setTimeout(resolve, 40)));
      released = true;
    }),
    note: () => undefined,
    now,
    failed: () => undefined,
    settleMs: 1,
  });
  work.wake();
  await until(() => runs === 1, "the run");
  await work.close();
  expect(released).toBe(true);
  work.wake();
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(runs).toBe(1);
});
