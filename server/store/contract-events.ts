import { beforeEach, describe, expect, test } from "vitest";
import { EventQuery } from "@provost/shared/protocol/api.ts";
import type { EventsFrame } from "@provost/shared/protocol/frames.ts";
import { device, digit, other } from "./contract-samples.ts";
import type { Store } from "./store.ts";

type Item = EventsFrame["items"][number];

const exit = (id: string, at: number): Item => ({ kind: "exit", id, at, actor: 1, status: 0 });
/** A shell under a daemon, both written once. */
const frame = (items: readonly Item[]): EventsFrame => ({
  kind: "events",
  processes: [
    { pid: 1, startedAt: "10", executable: "/sbin/init", arguments: ["init"], uid: 0, gid: 0, name: "init" },
    {
      pid: 7,
      startedAt: "18446744073709551615",
      executable: "/bin/sh",
      arguments: ["sh", "-c", "true"],
      uid: 1000,
      gid: 1000,
      user: "kim",
      name: "sh",
      sha256: digit("a"),
      worth: { standing: "signed", basis: "publisher", sha256: digit("a"), package: "pkg:deb/debian/dash@1" },
      parent: 0,
    },
  ],
  items: [...items],
});
const exec: Item = { kind: "exec", id: "b-1", at: 100, actor: 1, script: "/srv/job", scriptSha256: digit("b") };

/** What devices saw: stored once, in order, bounded, and counted where it went. */
export function eventContract(scene: () => Store, again: () => Store): void {
  describe("events", () => {
    eventCases(scene, again);
  });
}

function eventCases(scene: () => Store, again: () => Store): void {
  let store: Store;
  beforeEach(() => {
    store = scene();
    store.inventory.addDevice({ id: other, name: "beta", publicKey: "key", epoch: "one" }, 1000);
  });
  const list = (query: Record<string, unknown> = {}) => store.events.events(EventQuery.parse(query));
  const ids = (query: Record<string, unknown> = {}) => list(query).rows.map(({ id }) => id);

  test("come back whole, with parents, worth, and a name that begins with the device's", () => {
    const [put] = store.events.put(device, frame([exec]), 500);
    store = again();
    const [row] = list().rows;
    expect(row).toMatchObject({
      id: `${device}.b-1`,
      device,
      deviceName: "alpha",
      at: 100,
      kind: "exec",
      process: { pid: 7, startedAt: "18446744073709551615", user: "kim", worth: { standing: "signed" } },
      facts: { script: "/srv/job", "started by": "/sbin/init (1)", "the script's sha256": digit("b") },
    });
    expect(store.events.one(`${device}.b-1`)).toEqual(put);
    expect(put?.actor.parent?.executable).toBe("/sbin/init");
    for (const nobodys of [`${other}.b-1`, `${device}.b-2`, "b-1", ""])
      expect(store.events.one(nobodys)).toBeUndefined();
  });

  test("a start that was judged later leads back to it, and is found by what was read then", () => {
    const judged: Item = {
      kind: "judged",
      id: "b-2",
      start: "b-1",
      adds: ["script"],
      at: 100,
      actor: 1,
      script: "/srv/job",
      scriptSha256: digit("b"),
      scriptWorth: { standing: "unproven", basis: "none" },
    };
    const { scriptSha256: _scriptSha256, ...unread } = exec as Extract<Item, { kind: "exec" }>;
    store.events.put(device, frame([unread]), 500);
    const [put] = store.events.put(device, frame([judged]), 501);
    expect(put).toMatchObject({ kind: "judged", start: `${device}.b-1` });
    expect(ids({ digest: digit("b") })).toEqual([`${device}.b-2`]);
    expect(ids({ kind: "judged" })).toEqual([`${device}.b-2`]);
    expect(list({ kind: "judged" }).rows[0]?.says).toBe("/bin/sh (7), started before: the script is unproven (none)");
  });

  test("told again change nothing; another device's of the same name are others", () => {
    expect(store.events.put(device, frame([exec, exit("b-2", 101)]), 500)).toHaveLength(2);
    expect(store.events.put(device, frame([exec, exit("b-2", 101)]), 900)).toEqual([]);
    expect(store.events.put(device, frame([exit("b-2", 101), exit("b-3", 102)]), 900)).toMatchObject([
      { id: `${device}.b-3` },
    ]);
    expect(store.events.put(other, frame([exec]), 900)).toHaveLength(1);
    expect(list().total).toBe(4);
    expect(ids({ sort: "at", device })).toEqual(["b-1", "b-2", "b-3"].map((id) => `${device}.${id}`));
  });

  test("are filtered and paged by the server", () => {
    store.events.put(device, frame([exec, exit("b-2", 200), exit("b-3", 300)]), 500);
    store.events.put(other, frame([exit("c-1", 250)]), 500);
    expect(ids()).toEqual([`${device}.b-3`, `${other}.c-1`, `${device}.b-2`, `${device}.b-1`]);
    expect(ids({ kind: "exec" })).toEqual([`${device}.b-1`]);
    expect(ids({ digest: digit("b") })).toEqual([`${device}.b-1`]);
    expect(ids({ device: other })).toEqual([`${other}.c-1`]);
    expect(ids({ device: "nobody" })).toEqual([]);
    expect(ids({ from: 200, to: 300 })).toEqual([`${other}.c-1`, `${device}.b-2`]);
    expect(ids({ q: "sh started" })).toEqual([`${device}.b-1`]);
    const first = list({ limit: 2 });
    const second = list({ limit: 2, cursor: first.next });
    expect([...first.rows, ...second.rows].map(({ id }) => id)).toEqual(ids());
    expect(second.next).toBeUndefined();
  });

  test("of a clock that runs ahead stand where they came in", () => {
    store.events.put(device, frame([exit("b-1", 9e15)]), 500);
    expect(list().rows[0]?.at).toBe(500);
  });

  test("since a moment are the newest of them, in the order in which they came", () => {
    store.events.put(device, frame([exit("b-1", 100), exit("b-2", 200)]), 500);
    store.events.put(other, frame([exit("c-1", 300)]), 500);
    const since = (from: number, most: number) => [...store.events.since(from, most)].map(({ id }) => id.split(".")[1]);
    expect(since(0, 10)).toEqual(["b-1", "b-2", "c-1"]);
    expect(since(200, 10)).toEqual(["b-2", "c-1"]);
    expect(since(0, 2)).toEqual(["c-1"]);
    expect(since(400, 10)).toEqual([]);
  });

  test.each([
    ["number", { events: 2, bytes: 1e9, days: 1 }],
    ["size", { events: 1e9, bytes: 600, days: 1 }],
  ])("beyond the %s that is kept of one device go, the oldest first, and are counted", (_name, bounds) => {
    for (const n of [1, 2, 3]) store.events.put(device, frame([exit(`b-${n}`, n)]), 500);
    store.events.put(other, frame([exit("c-1", 1)]), 500);
    store.events.trim(device, bounds);
    expect(ids({ device })).toEqual([`${device}.b-3`, `${device}.b-2`]);
    expect(list({ device }).dropped).toBe(1);
    expect(list({ device: other })).toMatchObject({ total: 1, dropped: 0 });
    expect(list().dropped).toBe(1);
    expect(store.events.one(`${device}.b-1`)).toBeUndefined();
  });

  test("go when they are too old, however many there are", () => {
    for (let n = 0; n < 450; n += 1) store.events.put(device, frame([exit(`b-${n}`, n)]), 1000);
    store.events.dropOlder(440);
    expect(list()).toMatchObject({ total: 10, dropped: 440 });
  });

  test("cannot fill the database by pointing to one process again and again", () => {
    const big = frame(Array.from({ length: 500 }, (_, n) => exit(`b-${n}`, n)));
    big.processes[1] = { ...frame([]).processes[1], arguments: ["x".repeat(32_000)] } as never;
    store.events.put(device, big, 500);
    store.events.trim(device, { events: 1e9, bytes: 64_000, days: 1 });
    expect(list().total).toBe(500);
  });
}
