import { expect, test } from "vitest";
import { instant } from "@provost/shared/model/ids.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import { until } from "../../test/support/server-world.ts";
import type { Derivation } from "./derive.ts";
import type { ProofDesk } from "./desk.ts";
import { startTrustWork } from "./work.ts";

const device = "dev_x" as DeviceId;
const now = () => instant(Date.now());
const quiet = { changed: () => undefined, failed: () => undefined };

const deriving = (run: Derivation["run"], nextDueAt: Derivation["nextDueAt"] = () => undefined): Derivation =>
  ({ run, nextDueAt }) as unknown as Derivation;
const stepping = (step: ProofDesk["step"]): ProofDesk => ({ step }) as unknown as ProofDesk;
const rests = { more: false, asked: false, changed: new Map<DeviceId, number>() };

test("stopping waits until derivation has let go, and nothing starts afterwards", async () => {
  let runs = 0;
  let released = false;
  const work = startTrustWork(
    deriving(async (signal) => {
      runs += 1;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => setTimeout(resolve, 50)));
      released = true;
    }),
    stepping(() => ({ ...rests, asked: true })),
    quiet,
    now,
  );
  work.wake();
  await until(() => runs === 1, "the run");
  await work.close();
  expect(released).toBe(true);
  work.wake();
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect([runs, work.busy()]).toEqual([1, false]);
});

test("questions put while derivation runs are taken up right after it", async () => {
  const ends: (() => void)[] = [];
  const work = startTrustWork(
    deriving(() => new Promise<void>((resolve) => ends.push(resolve))),
    stepping(() => ({ ...rests, asked: true })),
    quiet,
    now,
  );
  work.wake();
  await until(() => ends.length === 1, "the first run");
  work.wake();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await until(() => ends.length === 2, "the second run");
  ends[1]?.();
  await until(() => !work.busy(), "rest");
  await work.close();
});

test("a run that fails is told and does not end the work; a listener that fails does not lose the questions", async () => {
  const said: string[] = [];
  let runs = 0;
  const work = startTrustWork(
    deriving(() => {
      runs += 1;
      return Promise.reject(new Error("no archive"));
    }),
    stepping(() => ({ ...rests, asked: true, changed: new Map([[device, 1]]) })),
    {
      changed: () => {
        throw new Error("no listener");
      },
      failed: (why) => said.push(why),
    },
    now,
  );
  work.wake();
  await until(() => said.includes("no archive") && said.includes("no listener"), "both words");
  expect(runs).toBe(1);
  await work.close();
});

test("a store that cannot be asked when the next is due is asked again later, not at once", async () => {
  const said: string[] = [];
  const work = startTrustWork(
    deriving(
      () => Promise.resolve(),
      () => {
        throw new Error("disk");
      },
    ),
    stepping(() => rests),
    { changed: () => undefined, failed: (why) => said.push(why) },
    now,
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(said).toEqual(["disk"]);
  await work.close();
});
