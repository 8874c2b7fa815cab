import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import { sqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { exec, recorded, running, unclaimed } from "./rules/case.ts";
import type { ReducerRule } from "./rules/rule.ts";
import { openDetection } from "./run.ts";

let folder: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-run-"));
  store = sqliteStore(folder);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const rule = (id: string, observe: ReducerRule["observe"]): ReducerRule => ({ id, title: id, techniques: [], observe });
const told = { level: "low", sentence: "It ran.", subject: { kind: "device" } } as const;
const device = "d1" as DeviceId;

test("a rule that fails costs no other rule and no other event its finding, and is told once a batch", () => {
  const said: string[] = [];
  const detection = openDetection(
    store.baseline,
    () => 1,
    (line) => said.push(line),
    [
      rule("bad", () => {
        throw new Error("no such thing");
      }),
      rule("good", () => told),
    ],
  );
  const events = [1, 2, 3].map((n) => ({ ...exec(running("/usr/bin/ls")), id: `e${n}` }));
  expect(detection.observe(device, events).map(({ rule: { id }, events: [event] }) => [id, event])).toEqual([
    ["good", "e1"],
    ["good", "e2"],
    ["good", "e3"],
  ]);
  expect(said).toEqual(["detection: bad failed: no such thing", "detection: bad failed 3 times"]);
});

test("a start that was judged later is looked at with what it is worth, under the start's name", () => {
  const detection = openDetection(
    store.baseline,
    () => 1,
    () => undefined,
    [rule("runs", () => told), rule("unclaimed", ({ actor }) => (actor.worth?.basis === "none" ? told : undefined))],
  );
  const actor = running("/tmp/large", undefined, { worth: unclaimed, sha256: "a".repeat(64) as Sha256 });
  const { worth: _worth, sha256: _sha256, ...unread } = actor;
  const start = { ...exec(unread), id: "d1.e1" };
  const first = detection.observe(device, [start]);
  expect(first.map(({ rule: { id } }) => id)).toEqual(["runs"]);
  const later = detection.observe(device, [
    { ...start, kind: "judged", id: "d1.e2", start: "d1.e1", adds: ["program"], actor },
  ]);
  expect(later.map(({ rule: { id }, events }) => [id, events])).toEqual([
    ["runs", ["d1.e1"]],
    ["unclaimed", ["d1.e1"]],
  ]);
  // Stored once: the same finding has the same name.
  expect(later[0]?.id).toBe(first[0]?.id);
});

test.each([
  ["sudo", "/usr/bin/sudo /usr/bin/id", recorded, "none"],
  ["su", "/usr/bin/su -c id", recorded, "none"],
  ["a program that nothing claims and that calls itself sshd", "/tmp/sshd", unclaimed, "none"],
  ["a real sshd", "/usr/sbin/sshd", recorded, "recorded"],
])(
  "what is started through %s is worth what its starter is, unless a new sign-in begins",
  (_name, command, worth, wanted) => {
    const detection = openDetection(
      store.baseline,
      () => 1,
      () => undefined,
      [rule("good", () => told)],
    );
    const between = running(command, running("/tmp/dropped", undefined, { worth: unclaimed }), { worth });
    const [found] = detection.observe(device, [{ ...exec(running("/usr/bin/id", between)), id: "e1" }]);
    expect(found?.lineage[0]?.tag?.basis).toBe(wanted);
  },
);
