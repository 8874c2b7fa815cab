import { beforeEach, describe, expect, test } from "vitest";
import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import { DeviceQuery, FleetDecisionQuery, FleetFindingQuery, RequestQuery } from "@provost/shared/protocol/api.ts";
import type { GateAlarm, GateDecision, RequestFrame } from "@provost/shared/protocol/frames.ts";
import { asUnproven, device, digit, file, judgedAs, other, walk } from "./contract-samples.ts";
import type { Store } from "./store.ts";

const decided = (path: string, more: Partial<GateDecision> = {}): GateDecision => ({
  at: 100,
  code: "77d04e",
  path,
  root: "",
  sha256: digit("a"),
  access: "exec",
  process: { pid: 7, startedAt: 90, uid: 1000, loginUid: 1001, executable: "/bin/bash", command: "bash" },
  allowed: false,
  action: "block",
  cause: "requirement",
  rule: "built",
  why: "Nothing claims it.",
  policy: 3,
  mode: "block",
  tier: "B",
  standing: "unproven",
  basis: "none",
  count: 2,
  ...more,
});
const who = decided("/").process;
const alarm = (kind: GateAlarm["kind"], more: Partial<GateAlarm> = {}): GateAlarm => ({
  at: 100,
  kind,
  says: `It is ${kind}.`,
  facts: { pid: "7" },
  ...more,
});
const request = (more: Partial<RequestFrame> = {}): RequestFrame => ({
  kind: "request",
  code: "77d04e",
  sha256: digit("a"),
  path: "/opt/tool",
  root: "",
  uid: 1000,
  user: "kim",
  reason: "I built it",
  at: 100,
  ...more,
});

/** What gates did: stored once, in order, bounded, and counted where it went. */
export function gateContract(scene: () => Store, again: () => Store): void {
  describe("the gate's", () => {
    gateCases(scene, again);
  });
}

function gateCases(scene: () => Store, again: () => Store): void {
  let store: Store;
  beforeEach(() => {
    store = scene();
    store.inventory.addDevice({ id: other, name: "beta", publicKey: "key", epoch: "one" }, 1000);
  });
  const decisions = (query: Record<string, unknown> = {}, on?: DeviceId) =>
    store.gate.decisions(FleetDecisionQuery.parse(query), on);
  const findings = (query: Record<string, unknown> = {}, on?: DeviceId) =>
    store.gate.findings(FleetFindingQuery.parse(query), on);
  const requests = (query: Record<string, unknown> = {}) => store.gate.requests(RequestQuery.parse(query));

  describe("decisions", () => {
    test("come back whole, with the executable that lies there now", () => {
      store.inventory.putFiles(device, [file("/opt/tool")], [], asUnproven, 1);
      store.gate.putDecisions(device, [decided("/opt/tool", { would: "quarantine" })], 5000);
      store = again();
      const [row] = decisions().rows;
      const { id } = store.read.executables({ limit: 1, sort: "path" }).rows[0] ?? {};
      expect(row).toEqual({
        ...decidedRow,
        id: expect.stringMatching(/^dec_\d+$/),
        executable: id,
        would: "quarantine",
        digest: digit("a"),
        rule: "built",
      });
    });

    test("that lack what may be lacking come back without it", () => {
      const { pid, startedAt, uid, executable } = decided("/x").process;
      const bare = decided("/opt/tool", { process: { pid, startedAt, uid, executable } });
      const { sha256: _, rule: __, ...rest } = bare;
      store.gate.putDecisions(device, [rest], 5000);
      const [row] = decisions().rows;
      expect(row).toEqual({
        ...decidedRow,
        id: expect.any(String),
        process: { pid, startedAt, uid, executable },
      });
    });

    test("told again, also in another epoch, change nothing; another person, program, place or answer is another one", () => {
      const one = decided("/opt/tool");
      expect(store.gate.putDecisions(device, [one, one], 5000)).toBe(1);
      store.inventory.startEpoch(device, "two");
      expect(store.gate.putDecisions(device, [one], 9000)).toBe(0);
      const others = [
        { ...one, process: { ...one.process, uid: 0 } },
        { ...one, process: { ...one.process, executable: "/bin/dash" } },
        { ...one, allowed: true },
        { ...one, root: "/jail" },
        { ...one, access: "library" as const },
        { ...one, cause: "refuted" },
      ];
      expect(store.gate.putDecisions(device, others, 5000)).toBe(6);
      expect(store.gate.putDecisions(device, others, 5000)).toBe(0);
      expect(store.gate.putDecisions(other, [one], 5000)).toBe(1);
      expect(decisions({}, device).total).toBe(7);
    });

    test("that equal one of the last hour are counted in its line, each once, and keep its place", () => {
      const tries = [100, 700, 3_599_000].map((at) => decided("/opt/tool", { at, process: { ...who, pid: at } }));
      store.gate.putDecisions(device, tries, 1e9);
      store.gate.putDecisions(device, tries, 1e9);
      expect(decisions().rows).toMatchObject([{ at: 100, lastAt: 3_599_000, count: 6, process: { pid: 100 } }]);
      store.gate.putDecisions(device, [decided("/opt/tool", { at: 3_600_100 })], 1e9);
      expect(decisions().rows).toMatchObject([{ at: 3_600_100, count: 2 }, { count: 6 }]);
      expect(store.gate.summary(0).stopped).toBe(8);
    });

    test("of a device whose clock runs ahead are not first for ever", () => {
      store.gate.putDecisions(device, [decided("/ahead", { at: 1e15 })], 5000);
      store.gate.putDecisions(other, [decided("/now", { at: 6000 })], 6000);
      expect(decisions().rows.map(({ path, at }) => [path, at])).toEqual([
        ["/now", 6000],
        ["/ahead", 5000],
      ]);
      expect(store.gate.putDecisions(device, [decided("/ahead", { at: 1e15 })], 7000)).toBe(0);
    });

    test.each(["at", "-at"])(
      "by %s: the pages are all rows, each once, in order, also where many are of one moment",
      (sort) => {
        const items = Array.from({ length: 40 }, (_, n) => decided(`/f${n}`, { at: n % 4 }));
        store.gate.putDecisions(device, items, 5000);
        const seen = walk(
          (cursor) => decisions({ sort, limit: 7, cursor }),
          () => undefined,
        );
        expect(new Set(seen.map(({ path }) => path)).size).toBe(40);
        expect(seen).toHaveLength(40);
        const times = seen.map(({ at }) => at);
        const ordered = times.toSorted((a, b) => a - b);
        expect(times).toEqual(sort === "at" ? ordered : ordered.toReversed());
      },
    );

    test.each<readonly [string, Record<string, unknown>, readonly string[]]>([
      ["no filter", {}, ["/held", "/lib.so", "/ran", "/stopped"]],
      ["an outcome", { outcome: "held" }, ["/held"]],
      ["two outcomes", { outcome: "held,stopped" }, ["/held", "/stopped"]],
      ["what would have been stopped", { outcome: "would" }, ["/lib.so"]],
      ["an access", { access: "library" }, ["/lib.so"]],
      ["a digest", { digest: digit("b") }, ["/stopped"]],
      ["a device nobody knows", { device: "dev_x" }, []],
      ["a word of the path", { q: "RAN" }, ["/ran"]],
      ["the start of a digest", { q: "bbbbbbbb" }, ["/stopped"]],
      ["a code", { q: "0c0de0" }, ["/held"]],
      ["a wildcard", { q: "%" }, []],
      ["a statement", { q: "' OR 1=1 --" }, []],
    ])("with %s", (_name, query, expected) => {
      store.gate.putDecisions(
        device,
        [
          decided("/stopped", { sha256: digit("b") }),
          decided("/held", { action: "hold", code: "0c0de0" }),
          decided("/lib.so", { allowed: true, action: "record", would: "block", access: "library" }),
          decided("/ran", { allowed: true, action: "allow" }),
        ],
        5000,
      );
      const answer = decisions({ device, ...query });
      expect(answer.rows.map(({ path }) => path).toSorted()).toEqual(expected);
      expect(answer.total).toBe(expected.length);
      expect([decisions(query, other).total, decisions({ ...query, device: other }).total]).toEqual([0, 0]);
    });

    test("beyond their bound the oldest go, counted, and what ran pushes out nothing that was stopped", () => {
      const bounds = { decisions: 3, findings: 2, requests: 1, days: 1 };
      store.gate.putDecisions(device, [decided("/stopped")], 5000);
      const noise = Array.from({ length: 8 }, (_, n) => decided(`/n${n}`, { at: 200 + n, allowed: true }));
      store.gate.putDecisions(device, noise, 5000);
      store.gate.putDecisions(other, noise, 5000);
      store.gate.putAlarms(
        device,
        [1, 2, 3, 4].map((at) => alarm("tamper", { at })),
        5000,
      );
      store.gate.putRequest(device, request(), 5000);
      store.gate.putRequest(device, request({ at: 101, sha256: digit("b") }), 5000);
      store.gate.trim(device, bounds);
      store.gate.trim(device, bounds);
      expect(decisions({}, device)).toMatchObject({ total: 4, dropped: 5 });
      expect(decisions({}, device).rows.map(({ path }) => path)).toEqual(["/n7", "/n6", "/n5", "/stopped"]);
      expect(decisions({}, other)).toMatchObject({ total: 8, dropped: 0 });
      expect(findings({}, device)).toMatchObject({ total: 2, dropped: 2 });
      expect(requests({ device })).toMatchObject({ total: 1, dropped: 1 });
      expect(decisions()).toMatchObject({ total: 12, dropped: 5 });
    });

    test("that are too old go, counted", () => {
      store.gate.putDecisions(device, [decided("/old", { at: 10 }), decided("/new", { at: 20 })], 5000);
      store.gate.putAlarms(device, [alarm("lost", { at: 10 })], 5000);
      store.gate.putRequest(other, request({ at: 10 }), 5000);
      store.gate.dropOlder(20);
      expect(decisions()).toMatchObject({ total: 1, dropped: 1, rows: [{ path: "/new" }] });
      expect([findings().dropped, requests({ device: other }).dropped, requests({ device }).dropped]).toEqual([
        1, 1, 0,
      ]);
    });
  });

  describe("findings", () => {
    test("a device's own come once each, with their facts", () => {
      expect(store.gate.putAlarms(device, [alarm("tamper"), alarm("tamper"), alarm("lost")], 5000)).toBe(2);
      expect(findings({ kind: "tamper" }).rows).toEqual([
        {
          id: expect.stringMatching(/^fin_\d+$/),
          device,
          deviceName: "alpha",
          kind: "tamper",
          from: "device",
          at: 100,
          open: false,
          says: "It is tamper.",
          facts: { pid: "7" },
        },
      ]);
    });

    test("the server's own is open until the device arrives, and is kept while it is open", () => {
      store.gate.arrived(device, 1000);
      store.gate.left({ device, since: 2000, leaving: "lost", why: "1006" });
      store.gate.report({ device, kind: "silent", at: 2000, says: "Nothing was heard.", facts: { a: "b" } });
      store.gate.putAlarms(device, [alarm("tamper", { at: 3000 }), alarm("lost", { at: 3001 })], 5000);
      store.gate.trim(device, { decisions: 1, findings: 1, requests: 1, days: 1 });
      store.gate.dropOlder(2500);
      expect(findings({ open: "true" }).rows).toMatchObject([{ kind: "silent", from: "server", open: true }]);
      expect(store.gate.summary(0)).toMatchObject({ open: 1, findings: 2 });
      expect([store.gate.arrived(device, 9000), store.gate.arrived(device, 9500)]).toEqual([1, 0]);
      expect(findings({ kind: "silent" }).rows).toMatchObject([{ open: false, at: 2000, endedAt: 9000 }]);
      expect(findings({ open: "true" }).total).toBe(0);
      expect(findings({ open: "false" }).total).toBe(2);
    });

    test("who is away and not reported is known after the store is opened again", () => {
      store.gate.arrived(device, 1500);
      store.inventory.seen(device, 1700);
      store.gate.arrived(other, 1500);
      store.gate.left({ device: other, since: 1800, leaving: "closed", why: "1000" });
      store = again();
      expect(store.gate.unreported()).toEqual([
        { device, since: 1700, why: "" },
        { device: other, since: 1800, leaving: "closed", why: "1000" },
      ]);
      store.gate.left({ device: other, since: 1800, leaving: "asked", why: "1000" });
      store.gate.report({ device, kind: "silent", at: 1700, says: "x", facts: {} });
      expect(store.gate.unreported()).toEqual([]);
    });

    test("who said goodbye is stopped, not silent", () => {
      const states = (online: readonly string[]) => {
        const { rows } = store.read.devices(DeviceQuery.parse({}), new Set(online));
        return rows.map(({ online: here, stopped }) => (here ? "online" : stopped ? "stopped" : "silent"));
      };
      store.gate.left({ device, since: 2000, leaving: "closed", why: "" });
      store.gate.left({ device: other, since: 2000, leaving: "lost", why: "" });
      expect(states([])).toEqual(["stopped", "silent"]);
      expect(store.read.overview(new Set(), 1e9).devices).toEqual({ total: 2, online: 0, silent: 1 });
      store.gate.arrived(device, 3000);
      expect(states([device])).toEqual(["online", "silent"]);
      expect(states([])).toEqual(["silent", "silent"]);
    });
  });

  describe("requests", () => {
    test("for the same bytes by the same person are one while it waits, with the last words", () => {
      const put = (at: number, more: Partial<RequestFrame> = {}) =>
        store.gate.putRequest(device, request({ at, ...more }), 5000);
      expect([put(100), put(200, { reason: "" }), put(150), put(300, { reason: "please" }), put(300)]).toEqual([
        1, 1, 0, 1, 0,
      ]);
      put(100, { uid: 0, user: "root" });
      expect(requests().rows).toMatchObject([
        { at: 300, times: 3, reason: "please" },
        { at: 100, times: 1, user: "root" },
      ]);
      const ran = decided("/opt/tool", { at: 400, allowed: true, action: "allow", cause: "exception" });
      store.gate.putDecisions(device, [ran], 5000);
      expect([put(200), put(500)]).toEqual([0, 1]);
      expect(requests({ waiting: "true" }).rows).toMatchObject([{ at: 500, times: 1 }]);
      expect(requests({ waiting: "false" }).total).toBe(2);
    });

    test("that a person answered wait no longer, are answered once, and who asks again asks anew", () => {
      store.gate.putRequest(device, request(), 5000);
      const id = requests().rows[0]?.id ?? "";
      expect(store.gate.request(id)).toEqual({
        device,
        code: "77d04e",
        sha256: digit("a"),
        path: "/opt/tool",
        answered: false,
      });
      const answer = { approved: false, by: "ada", at: 6000, reason: "no", scope: "device", commands: [] } as const;
      store.gate.answer(id, answer);
      expect(() => store.gate.answer(id, answer)).toThrow(/UNIQUE/);
      store = again();
      expect(store.gate.request(id)).toMatchObject({ answered: true });
      expect(requests({ waiting: "true" }).total).toBe(0);
      expect(requests({ waiting: "false" }).rows).toMatchObject([{ id, answer }]);
      expect(store.gate.summary(0).waiting).toBe(0);
      expect(store.gate.putRequest(device, request({ at: 7000 }), 8000)).toBe(1);
      expect(requests().rows.map(({ answer: given }) => given?.approved)).toEqual([undefined, false]);
      store.gate.dropOlder(9000);
      store.gate.putRequest(device, request({ at: 9500 }), 9500);
      expect(requests().rows.map(({ answer: given }) => given)).toEqual([undefined]);
    });

    test.each(["", "req_", "req_0", "req_1 OR 1", "req_999", "fin_1", `req_${"9".repeat(40)}`])(
      "there is none of the name %j",
      (id) => expect(store.gate.request(id)).toBeUndefined(),
    );

    test("come once each, and show what is known of those bytes where they still lie there", () => {
      store.inventory.putFiles(
        device,
        [file("/opt/tool", { digest: digit("a") })],
        [],
        judgedAs("unproven", "claimed"),
        1,
      );
      expect([store.gate.putRequest(device, request(), 5000), store.gate.putRequest(device, request(), 6000)]).toEqual([
        1, 0,
      ]);
      expect(requests().rows).toMatchObject([
        { code: "77d04e", digest: digit("a"), user: "kim", standing: "unproven", basis: "claimed", says: "unproven." },
      ]);
      store.inventory.putFiles(device, [file("/opt/tool", { digest: digit("b") })], [], asUnproven, 2);
      const [row] = requests().rows;
      expect([row?.standing, row?.executable]).toEqual([undefined, undefined]);
      // What the gate there made of them when they were stopped is known all the same.
      const stopped = { sha256: digit("a"), standing: "unproven", basis: "none", why: "Nothing claims it." } as const;
      store.gate.putDecisions(device, [decided("/opt/tool", { at: 10, ...stopped, why: "Earlier." })], 5000);
      store.gate.putDecisions(device, [decided("/elsewhere", { at: 20, ...stopped })], 5000);
      store.gate.putDecisions(other, [decided("/opt/tool", { at: 30, ...stopped, why: "Another's." })], 5000);
      const ran = { at: 40, allowed: true, action: "allow", cause: "exception", why: "It was excepted." } as const;
      store.gate.putDecisions(device, [decided("/opt/tool", { ...stopped, ...ran })], 5000);
      const [known] = requests().rows;
      expect(known).toMatchObject({ standing: "unproven", basis: "none", says: "Nothing claims it." });
      expect(known?.executable).toBeUndefined();
    });

    test("wait until those bytes ran by an exception, on that device and afterwards", () => {
      store.gate.putRequest(device, request(), 5000);
      store.gate.putRequest(other, request(), 5000);
      const ran = (at: number, sha256: Sha256, more: Partial<GateDecision> = {}) =>
        store.gate.putDecisions(
          device,
          [decided("/opt/tool", { at, sha256, allowed: true, action: "allow", cause: "exception", ...more })],
          5000,
        );
      ran(50, digit("a"));
      ran(200, digit("b"));
      ran(201, digit("a"), { cause: "allowed" });
      expect(requests({ waiting: "true" }).total).toBe(2);
      ran(300, digit("a"));
      ran(400, digit("a"));
      expect(requests({ waiting: "false" }).rows).toMatchObject([{ device, allowedAt: 300 }]);
      expect(requests({ waiting: "true" }).rows).toMatchObject([{ device: other }]);
      expect(store.gate.summary(0).waiting).toBe(1);
    });

    test.each<readonly [string, Record<string, unknown>, number]>([
      ["a person", { q: "KIM" }, 1],
      ["a reason", { q: "built" }, 1],
      ["a device", { device: other }, 0],
      ["a statement", { q: "' OR 1=1 --" }, 0],
    ])("with %s", (_name, query, total) => {
      store.gate.putRequest(device, request(), 5000);
      expect(requests(query).total).toBe(total);
    });
  });

  test("the summary counts each folded one, of its time and device", () => {
    store.gate.putDecisions(
      device,
      [
        decided("/a", { at: 10 }),
        decided("/b", { at: 30, count: 5 }),
        decided("/c", { at: 30, action: "hold" }),
        decided("/d", { at: 30, allowed: true, action: "record", would: "block" }),
        decided("/e", { at: 30, allowed: true, action: "warn" }),
        decided("/f", { at: 30, allowed: true, action: "allow" }),
      ],
      5000,
    );
    const none = { stopped: 0, held: 0, would: 0, warned: 0, findings: 0, open: 0, waiting: 0 };
    expect(store.gate.summary(20)).toEqual({ ...none, stopped: 5, held: 2, would: 2, warned: 2 });
    expect(store.gate.summary(20, other)).toEqual(none);
  });
}

const decidedRow = {
  at: 100,
  device,
  deviceName: "alpha",
  code: "77d04e",
  path: "/opt/tool",
  root: "",
  access: "exec",
  process: { pid: 7, startedAt: 90, uid: 1000, loginUid: 1001, executable: "/bin/bash", command: "bash" },
  outcome: "stopped",
  allowed: false,
  action: "block",
  cause: "requirement",
  why: "Nothing claims it.",
  policy: 3,
  mode: "block",
  tier: "B",
  standing: "unproven",
  basis: "none",
  count: 2,
};
