import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import type { GateMode } from "@provost/shared/model/gate.ts";
import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import type { DeviceId, Instant } from "@provost/shared/model/ids.ts";
import { policyContext } from "@provost/shared/model/published-policy.ts";
import type { PublishedPolicy } from "@provost/shared/model/published-policy.ts";
import { AuditQuery, CommandQuery } from "@provost/shared/protocol/api.ts";
import { packEvents } from "@provost/shared/protocol/frames.ts";
import { decisionOf, digestOf } from "../../test/support/frames.ts";
import { openAudit } from "../audit/audit.ts";
import { verifyWith } from "../edge/keys.ts";
import { openResponse } from "../response/issue.ts";
import { asUnproven, device, file, other } from "../store/contract-samples.ts";
import { sqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { openAfterStops } from "./after-stops.ts";
import { openPolicies } from "./policies.ts";
import type { Policies } from "./policies.ts";

const hour = 3_600_000;
const third = "dev_00000000000000000000000003" as DeviceId;
const names = new Map<string, string>([
  [device, "alpha"],
  [other, "beta"],
  [third, "gamma"],
]);
let folder: string;
let store: Store;
let policies: Policies;
let now = 0;
let changes = 0;

const open = (): void => {
  store = sqliteStore(folder);
  const audit = openAudit(
    store.audit,
    () => now,
    () => undefined,
  );
  policies = openPolicies(
    store,
    { judgeFor: () => asUnproven },
    audit,
    () => now,
    () => void (changes += 1),
  );
};
beforeEach(() => {
  now = 1_800_000_000_000;
  changes = 0;
  folder = mkdtempSync(join(tmpdir(), "provost-policies-"));
  open();
  for (const [id, name] of names)
    store.inventory.addDevice({ id: id as DeviceId, name, publicKey: `key ${name}`, epoch: "one" }, now);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

const yaml = (number: number, gate: string): string =>
  `number: ${number}\nmode: enforce\nrequire: [{name: signed, standing: [proven, signed], otherwise: {unproven: block}}]\ngate: ${gate}\n`;
const told = (
  id: DeviceId,
  more: { readonly groups?: string[]; readonly number?: number; readonly mode?: GateMode },
): void =>
  store.inventory.describe(id, {
    kind: "device",
    name: names.get(id) ?? id,
    os: "Linux",
    kernel: "6",
    arch: "amd64",
    mode: more.mode ?? "record",
    tier: "B",
    groups: more.groups ?? [],
    ...(more.number === undefined ? {} : { policy: { number: more.number, from: "server" as const, issue: 1 } }),
    facts: {},
  });
const publish = async (text: string): Promise<number> => {
  const { stoppedFiles } = await policies.rehearse(text, 14);
  return policies.publish({ yaml: text, why: "a test", seenStopped: stoppedFiles }, "owner");
};
const signed = (): PublishedPolicy => JSON.parse(policies.issue()?.body ?? "") as PublishedPolicy;
const failure = (work: () => unknown): string => {
  try {
    work();
  } catch (cause) {
    if (cause instanceof AppError) return `${cause.code}: ${cause.message}`;
  }
  throw new Error("it did not fail");
};
let event = 0;
/** A program that ran, as its device told. */
const ran = (id: DeviceId, path: string, at: number, worth: "signed" | "unproven", user = "kim"): void => {
  event += 1;
  const actor = { pid: 100 + event, startedAt: String(event), arguments: [path], uid: 1, gid: 1, name: "x" };
  store.events.put(
    id,
    packEvents([
      {
        kind: "exec",
        id: `${id}.e${event}`,
        host: id,
        at: at as Instant,
        actor: {
          ...actor,
          executable: path,
          user,
          sha256: digestOf(path),
          worth: { standing: worth, basis: worth === "signed" ? "publisher" : "none", sha256: digestOf(path) },
        },
      },
    ]),
    now,
  );
};

describe("publishing", () => {
  test("wants a rehearsal of the very same words, and its result read back", async () => {
    const text = yaml(7, "{mode: block}");
    ran(device, "/opt/tool", now - hour, "unproven");
    const attempt = (seenStopped: number) =>
      failure(() => policies.publish({ yaml: text, why: "x", seenStopped }, "owner"));
    expect(attempt(1)).toMatch(/^NOT_ALLOWED: .*not rehearsed/);
    expect(await policies.rehearse(text, 14)).toMatchObject({ ok: true, stoppedFiles: 1 });
    expect(attempt(0)).toMatch(/^NOT_ALLOWED: the rehearsal would have stopped 1 files, and 0 was read back/);
    now += hour + 1;
    expect(attempt(1)).toMatch(/^NOT_ALLOWED: .*not rehearsed/);
    expect(policies.issue()).toBeUndefined();
    expect(await publish(text)).toBe(7);
    expect([changes, policies.list().published]).toEqual([
      1,
      [expect.objectContaining({ number: 7, current: true, devices: 0 })],
    ]);
  });

  test("is signed by the server's key over exactly what is sent, and survives a restart", async () => {
    await publish(yaml(3, "{mode: hold, rings: [{group: canary, mode: quarantine}]}"));
    store.close();
    open();
    const issue = policies.issue();
    if (issue === undefined) throw new Error("there is none");
    const bytes = (body: string) => Buffer.from(`${policyContext}\n${body}`);
    const { publicKey } = store.access.serverKey();
    expect(verifyWith(publicKey, bytes(issue.body), issue.signature)).toBe(true);
    const forged = canonicalJson({ ...signed(), steppedBack: [{ group: "canary", mode: "off" }] });
    expect(verifyWith(publicKey, bytes(forged), issue.signature)).toBe(false);
    expect(signed()).toMatchObject({ issue: 1, steppedBack: [], by: "owner" });
  });

  test("takes numbers that only grow, and no policy that cannot be read", async () => {
    await publish(yaml(3, "{mode: record}"));
    await policies.rehearse(yaml(3, "{mode: warn}"), 1);
    expect(
      failure(() => policies.publish({ yaml: yaml(3, "{mode: warn}"), why: "x", seenStopped: 0 }, "owner")),
    ).toMatch(/^CONFIG_INVALID: number: 3 is not above 3/);
    expect(await policies.rehearse("number: [", 1)).toMatchObject({ ok: false, why: expect.any(String) });
    expect(failure(() => policies.publish({ yaml: "number: [", why: "x", seenStopped: 0 }, "owner"))).toMatch(
      /cannot be read/,
    );
    const { rows } = store.audit.audit(AuditQuery.parse({ kind: "policy" }));
    expect(rows.map(({ says, by, facts }) => [says, by, facts["rings"]])).toEqual([
      ["Published policy 3: a test", "owner", "all others: record"],
    ]);
  });
});

describe("a rehearsal", () => {
  test("knows what was judged after its start was told, and counts it once", async () => {
    const [start, path] = [`${device}.late`, "/opt/large"];
    const actor = { pid: 9, startedAt: "9", executable: path, arguments: [path], uid: 1, gid: 1, name: "x" };
    const seen = { host: device, at: (now - hour) as Instant };
    store.events.put(device, packEvents([{ ...seen, kind: "exec", id: start, actor }]), now);
    const draft = yaml(1, "{mode: block}");
    expect(await policies.rehearse(draft, 14)).toMatchObject({ executions: 1, unread: 1, stoppedFiles: 0 });
    const worth = { standing: "unproven", basis: "none" } as const;
    const judged = { ...actor, sha256: digestOf(path), worth };
    store.events.put(
      device,
      packEvents([{ ...seen, kind: "judged", id: `${device}.late2`, start, adds: ["program"], actor: judged }]),
      now,
    );
    const said = await policies.rehearse(draft, 14);
    expect(said).toMatchObject({ executions: 1, stoppedFiles: 1, stopped: [{ path, times: 1 }] });
    expect(said).not.toHaveProperty("unread");
  });

  test("says per file what the draft would have stopped, on which devices, and what changes against now", async () => {
    told(device, { groups: ["canary"] });
    told(other, { groups: ["canary", "late"] });
    for (const id of [device, other, third]) ran(id, "/opt/tool", now - hour, "unproven");
    ran(device, "/opt/tool", now - hour / 2, "unproven");
    ran(device, "/usr/bin/signed", now - hour, "signed");
    ran(device, "/bin/sh", now - hour, "unproven");
    const said = await policies.rehearse(yaml(1, "{mode: record, rings: [{group: canary, mode: block}]}"), 14);
    expect(said).toMatchObject({
      ok: true,
      executions: 6,
      devices: 3,
      stoppedFiles: 1,
      counts: { block: 3, allow: 1, record: 2 },
    });
    expect(said.stopped).toEqual([
      {
        path: "/opt/tool",
        digest: digestOf("/opt/tool"),
        action: "block",
        why: expect.stringContaining('"signed" wants it proven or signed, and it is unproven'),
        times: 3,
        devices: 2,
        deviceNames: ["alpha", "beta"],
      },
    ]);
    expect(said.changed).toContainEqual({
      path: "/opt/tool",
      digest: digestOf("/opt/tool"),
      before: "record",
      after: "block",
      times: 3,
    });
    // Stopped by evidence only: the core starts whatever lacks.
    expect(said.stopped.map(({ path }) => path)).not.toContain("/bin/sh");
  });

  test("leaves out devices that a file of their own rules, and is one at a time", async () => {
    store.inventory.describe(other, {
      kind: "device",
      name: "beta",
      os: "Linux",
      kernel: "6",
      arch: "amd64",
      mode: "block",
      tier: "B",
      policy: { number: 9, from: "file" },
      facts: {},
    });
    for (const id of [device, other]) ran(id, "/opt/tool", now - hour, "unproven");
    const first = policies.rehearse(yaml(1, "{mode: block}"), 14);
    await expect(policies.rehearse(yaml(2, "{mode: block}"), 14)).rejects.toThrow(/another policy is being rehearsed/);
    expect(await first).toMatchObject({ executions: 1, devices: 1, stopped: [{ deviceNames: ["alpha"] }] });
    expect(await policies.rehearse(yaml(2, "{mode: block}"), 14)).toMatchObject({ ok: true });
  });

  test("looks no further back than it was told, and judges a file that still lies there as it is judged today", async () => {
    ran(device, "/opt/old", now - 3 * 24 * hour, "unproven");
    ran(device, "/opt/kept", now - hour, "signed");
    const kept = file("/opt/kept", { digest: digestOf("/opt/kept") });
    store.inventory.putFiles(device, [kept], [], asUnproven, now);
    const said = await policies.rehearse(yaml(1, "{mode: quarantine}"), 1);
    expect(said.executions).toBe(1);
    expect(said.stopped.map(({ path, action }) => [path, action])).toEqual([["/opt/kept", "quarantine"]]);
  });
});

describe("a ring that stops too much", () => {
  const gate = "{mode: record, rings: [{group: canary, mode: block}], stepBack: {files: 6, minutes: 10}}";
  const stops = (id: DeviceId, count: number, from = 0): void =>
    void store.gate.putDecisions(
      id,
      Array.from({ length: count }, (_, index) => decisionOf(`/opt/f${from + index}`, { at: now - 1000 })),
      now,
    );
  beforeEach(async () => {
    await publish(yaml(1, gate));
    for (const id of [device, other, third]) told(id, { groups: ["canary"], number: 1, mode: "block" });
  });

  test("steps back to warn, signed as a newer issue; a person turns it on again", () => {
    for (const [at, id] of [device, other, third].entries()) {
      expect(policies.stopped(id)).toBeUndefined();
      stops(id, 3, at * 10);
    }
    expect(policies.stopped(third)).toMatchObject({ group: "canary", from: "block", to: "warn" });
    expect(signed()).toMatchObject({ issue: 2, steppedBack: [{ group: "canary", mode: "warn" }], by: "this server" });
    expect(policies.stopped(third)).toBeUndefined();
    const ring = () => policies.detail(1)?.rings.find(({ group }) => group === "canary");
    expect(ring()).toEqual({ group: "canary", mode: "block", now: "warn", devices: 3 });
    now += 1000;
    policies.turnOn("canary", "it was the deployment", "owner");
    expect([signed(), ring()?.now]).toEqual([expect.objectContaining({ issue: 3, steppedBack: [] }), "block"]);
    // What it stepped back for is no reason to do so again.
    expect(policies.stopped(third)).toBeUndefined();
    expect(failure(() => policies.turnOn("canary", "again", "owner"))).toMatch(/^NOT_FOUND: Ring canary/);
    expect(policies.detail(1)?.steppedBack).toEqual([expect.objectContaining({ endedBy: "owner", endedAt: now })]);
  });

  test("is not turned off by one device alone, nor by the same file tried again and again", () => {
    stops(device, 100);
    expect(policies.stopped(device)).toBeUndefined();
    stops(other, 1);
    store.gate.putDecisions(other, [decisionOf("/opt/f0", { at: now - 500, count: 500 })], now);
    expect(policies.stopped(other)).toBeUndefined();
  });

  test("is not turned off by what evidence or an order speaks against", () => {
    for (const [at, id] of [device, other, third].entries())
      store.gate.putDecisions(
        id,
        Array.from({ length: 5 }, (_, index) =>
          decisionOf(`/opt/f${at}-${index}`, {
            at: now - 1000,
            ...(index % 2 === 0 ? { standing: "refuted", basis: "malicious", cause: "refuted" } : { cause: "order" }),
          }),
        ),
        now,
      );
    expect(policies.stopped(device)).toBeUndefined();
  });

  test("does not answer for devices that another policy rules", () => {
    for (const id of [device, other, third]) {
      stops(id, 50);
      told(id, { groups: ["canary"], mode: "block" });
    }
    expect(policies.stopped(device)).toBeUndefined();
  });
});

describe("what was stopped where a ring says quarantine", () => {
  let found: DetectedFinding[];
  let after: ReturnType<typeof openAfterStops>;
  beforeEach(async () => {
    found = [];
    await publish(yaml(1, "{mode: record, rings: [{group: strict, mode: quarantine}, {group: mild, mode: block}]}"));
    told(device, { groups: ["strict"], number: 1, mode: "quarantine" });
    told(other, { groups: ["strict"], number: 1, mode: "quarantine" });
    told(third, { groups: ["mild"], number: 1, mode: "block" });
    const audit = openAudit(
      store.audit,
      () => now,
      () => undefined,
    );
    const response = openResponse(
      store,
      audit,
      () => now,
      () => undefined,
    );
    after = openAfterStops({
      store,
      policies,
      response,
      found(more) {
        found.push(...more);
        return [{ id: "inc_one" }];
      },
      log(line) {
        throw new Error(line);
      },
    });
  });
  const orders = () =>
    store.commands
      .commands(CommandQuery.parse({ incident: "inc_one" }))
      .rows.map(({ device: of, says, by }) => [of, says, by]);
  const decision = (more = {}) =>
    decisionOf("/tmp/new", { action: "quarantine", mode: "quarantine", policy: 1, ...more });

  test("is sealed away there, and told once however often it is tried", () => {
    after(device, [decision()]);
    after(device, [decision({ at: 2000 })]);
    expect(orders()).toEqual([[device, "Quarantine /tmp/new", "policy 1"]]);
    expect(found).toEqual([
      expect.objectContaining({
        rule: expect.objectContaining({ id: "provost.stopped-and-sealed" }),
        level: "medium",
        subject: { kind: "file", path: "/tmp/new", sha256: digestOf("/tmp/new") },
      }),
    ]);
  });

  test("is looked for everywhere: told of where no ring seals; and what lies on much of the fleet waits for a person", () => {
    const copy = file("/home/kim/copy", { digest: digestOf("/tmp/new") });
    store.inventory.putFiles(third, [copy], [], asUnproven, now);
    after(device, [decision()]);
    expect([orders().length, found[0]?.facts["lies also, where nothing is sealed"]]).toEqual([
      1,
      "/home/kim/copy on gamma",
    ]);
    const spread = decisionOf("/tmp/spread", { action: "quarantine", mode: "quarantine", policy: 1 });
    for (const id of [other, third])
      store.inventory.putFiles(id, [file("/tmp/spread", { digest: digestOf("/tmp/spread") })], [], asUnproven, now);
    after(device, [spread]);
    expect(orders().length).toBe(1);
    expect(found[1]?.sentence).toContain("waits for a person");
    expect(found[1]?.facts["waits for a person"]).toContain("These bytes lie on 2 of 3 devices");
  });

  test("is sealed on every device whose ring seals", () => {
    for (let more = 4; more < 20; more += 1)
      store.inventory.addDevice(
        {
          id: `dev_${String(more).padStart(26, "0")}` as DeviceId,
          name: `d${more}`,
          publicKey: `k${more}`,
          epoch: "one",
        },
        now,
      );
    store.inventory.putFiles(other, [file("/srv/copy", { digest: digestOf("/tmp/new") })], [], asUnproven, now);
    after(device, [decision()]);
    expect(new Set(orders().map((row) => row.join(" ")))).toEqual(
      new Set([`${device} Quarantine /tmp/new policy 1`, `${other} Quarantine /srv/copy policy 1`]),
    );
  });

  test("is sealed away where a file on the device rules, and says so", () => {
    told(third, { mode: "quarantine" });
    after(third, [decision()]);
    expect(orders()).toEqual([[third, "Quarantine /tmp/new", "policy 1"]]);
  });

  test("is left where it is when the device only says so: its ring has to seal as the server knows it", () => {
    after(third, [decision()]);
    after(device, [decision({ action: "block" }), decision({ allowed: true })]);
    expect([orders(), found]).toEqual([[], []]);
  });
});
