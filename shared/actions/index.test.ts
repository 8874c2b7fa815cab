import { expect, test } from "vitest";
import type { Sha256 } from "../model/ids.ts";
import { actions, orderSays, planOf, stepWords } from "./index.ts";
import type { PlannedOrder } from "./index.ts";

const sha256 = "ab".repeat(32) as Sha256;
const process = { pid: 4711, startedAt: "1" };

test.each<[PlannedOrder, string, readonly string[]]>([
  [
    { action: "kill-process-tree", process, executable: "/tmp/x" },
    "Kill /tmp/x (4711) and what it started",
    ["freeze-processes", "kill-processes"],
  ],
  [{ action: "quarantine-file", root: "/srv", path: "/x", sha256 }, "Quarantine /srv/x", ["deny-digest", "seal-file"]],
  [{ action: "block-digest", sha256 }, "Block files with the digest abababababab", ["deny-digest"]],
  [
    { action: "allow-digest", sha256, code: "abcdef", expires: 0 },
    "Allow files with the digest abababababab until 1970-01-01T00:00:00.000Z",
    ["allow-digest"],
  ],
  [
    { action: "isolate-host", except: ["192.0.2.1"] },
    "Isolate the device: only this server and 192.0.2.1 stays reachable",
    ["cut-network"],
  ],
  [{ action: "collect-triage" }, "Collect a triage bundle", ["collect-triage"]],
  [
    { action: "collect-triage", process, executable: "/tmp/x" },
    "Collect a triage bundle around /tmp/x (4711)",
    ["collect-triage"],
  ],
])("%o says what it does and plans its steps, each in words", (order, says, steps) => {
  expect(orderSays(order)).toBe(says);
  const planned = planOf(order);
  expect(planned.map(({ step }) => step)).toEqual(steps);
  for (const step of planned) expect(stepWords(step).says).not.toBe("");
  // Everything but a death and a look is undone.
  expect(planned.filter((step) => stepWords(step).undo === undefined).map(({ step }) => step)).toEqual(
    order.action === "kill-process-tree"
      ? ["kill-processes"]
      : order.action === "collect-triage"
        ? ["collect-triage"]
        : [],
  );
});

test("each action is listed under its own name", () => {
  expect(Object.entries(actions).map(([name, action]) => [name, action.name])).toEqual(
    Object.keys(actions).map((name) => [name, name]),
  );
});
