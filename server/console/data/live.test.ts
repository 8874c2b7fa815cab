import { expect, test } from "vitest";
import { backoff, counted, deviceLimit, liveEventFrom, noCounters, since, withGap } from "./live-counters.ts";
import { openLive, type Stream } from "./live.ts";

test.each([
  ["an event", '{"topic":"running","changed":3,"at":1}', { topic: "running", changed: 3, at: 1 }],
  [
    "an event of one device",
    '{"topic":"devices","device":"dev_1","changed":1,"at":1}',
    { topic: "devices", device: "dev_1", changed: 1, at: 1 },
  ],
  ["no JSON", "{", undefined],
  ["a list", "[]", undefined],
  ["null", "null", undefined],
  ["an unknown topic", '{"topic":"__proto__","changed":1,"at":1}', undefined],
  ["a count below zero", '{"topic":"running","changed":-1,"at":1}', undefined],
  ["a count that is no number", '{"topic":"running","changed":"37","at":1}', undefined],
  ["a device that is no text", '{"topic":"running","device":{},"changed":1,"at":1}', undefined],
  ["a line without end", `{"topic":"running","changed":1,"at":1,"x":"${"y".repeat(5000)}"}`, undefined],
])("%s is read as what it is", (_name, line, event) => {
  expect(liveEventFrom(line)).toEqual(event);
});

test("a list counts what is new since it was loaded, for the fleet and for its device", () => {
  const mark = counted(noCounters, { topic: "executables", device: "a", changed: 5, at: 1 });
  const now = counted(counted(mark, { topic: "executables", device: "a", changed: 30, at: 2 }), {
    topic: "executables",
    device: "b",
    changed: 7,
    at: 3,
  });
  expect(since(now, mark, "executables")).toEqual({ changed: 37, missed: false });
  expect(since(now, mark, "executables", "a")).toEqual({ changed: 30, missed: false });
  expect(since(now, mark, "packages")).toEqual({ changed: 0, missed: false });
  expect(since(withGap(now), now, "executables")).toEqual({ changed: 0, missed: true });
});

test("past the limit of devices, a device's list counts the fleet's changes and misses none", () => {
  let counters = noCounters;
  for (let at = 0; at < deviceLimit; at += 1)
    counters = counted(counters, { topic: "running", device: `dev_${at}`, changed: 1, at });
  const later = counted(counters, { topic: "running", device: "one more", changed: 2, at: 1 });
  expect(later.byDevice.size).toBe(deviceLimit);
  expect(since(later, counters, "running", "one more").changed).toBe(2);
});

test("the pause grows, is spread by chance and ends at half a minute", () => {
  expect([backoff(0, 1), backoff(1, 1), backoff(4, 0.5), backoff(50, 1), backoff(3, 0)]).toEqual([
    1000, 2000, 8000, 30_000, 0,
  ]);
});

test("a broken stream is opened again after a pause, and the break is counted as a gap", () => {
  const { live, streams, pauses } = staged();
  expect(live.view().state).toBe("connecting");
  streams[0]?.fire("open");
  expect(live.view().state).toBe("live");
  streams[0]?.fire("error");
  expect([live.view().state, live.view().counters.gaps, streams[0]?.closed]).toEqual(["reconnecting", 1, true]);
  pauses.shift()?.();
  streams[1]?.fire("open");
  expect([live.view().state, streams.length]).toEqual(["live", 2]);
});

test("a server that stays away is one gap, not many", () => {
  const { live, streams, pauses } = staged();
  streams[0]?.fire("open");
  streams[0]?.fire("error");
  for (let at = 1; at < 5; at += 1) {
    pauses.shift()?.();
    streams[at]?.fire("error");
  }
  expect(live.view().counters.gaps).toBe(1);
});

test("only events of the protocol are told and counted", () => {
  const { live, streams } = staged();
  const heard: unknown[] = [];
  const stop = live.watch((event) => heard.push(event));
  streams[0]?.fire("message", "rubbish");
  streams[0]?.fire("message", { topic: "devices" });
  streams[0]?.fire("message", '{"topic":"devices","changed":2,"at":9}');
  stop();
  streams[0]?.fire("message", '{"topic":"devices","changed":1,"at":10}');
  expect(heard).toEqual([{ topic: "devices", changed: 2, at: 9 }]);
  expect(live.view().counters.all.devices).toBe(3);
});

test("closing ends the stream, and during a pause calls the next one off", () => {
  const { live, streams, called } = staged();
  streams[0]?.fire("error");
  live.close();
  expect(called.off).toBe(1);
});

class StagedStream implements Stream {
  closed = false;
  readonly #acts = new Map<string, (message: { readonly data: unknown }) => void>();
  addEventListener(on: string, act: (message: { readonly data: unknown }) => void): void {
    this.#acts.set(on, act);
  }
  close(): void {
    this.closed = true;
  }
  fire(on: string, data?: unknown): void {
    this.#acts.get(on)?.({ data });
  }
}

function staged() {
  const streams: StagedStream[] = [];
  const pauses: (() => void)[] = [];
  const called = { off: 0 };
  const live = openLive({
    open: () => {
      const stream = new StagedStream();
      streams.push(stream);
      return stream;
    },
    later: (_pause, act) => {
      pauses.push(act);
      return () => {
        called.off += 1;
      };
    },
    random: () => 0.5,
  });
  return { live, streams, pauses, called };
}
