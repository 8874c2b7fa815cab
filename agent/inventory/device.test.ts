import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { openState, readMeta, writeMeta } from "../state/state.ts";
import { describeDevice } from "./device.ts";

const folder = mkdtempSync(join(tmpdir(), "provost-device-"));
const state = openState(folder);
afterAll(() => {
  state.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Told {
  readonly facts: Readonly<Record<string, string>>;
}
const told = (): Told => JSON.parse(readMeta(state, "device-frame") ?? "{}") as Told;

beforeEach(async () => {
  state.prepare("DELETE FROM meta").run();
  state.prepare("DELETE FROM spool").run();
  await describeDevice(state);
});

function remember(facts: Readonly<Record<string, string>>): void {
  writeMeta(state, "device-frame", JSON.stringify({ ...told(), facts: { ...told().facts, ...facts } }));
}

test("what was told of the machine since it booted is kept, and told once", async () => {
  remember({ model: "as it was" });
  await describeDevice(state);
  expect(told().facts["model"]).toBe("as it was");
  expect(state.prepare("SELECT count(*) FROM spool").pluck().get()).toBe(1);
});

test.each([
  ["another boot", { boot: "an earlier one" }],
  ["another version of the agent", { "agent version": "0.0.0" }],
  ["a boot that is not known", { boot: "unknown" }],
])("the machine is asked again after %s", async (_what, before) => {
  remember({ model: "as it was", ...before });
  await describeDevice(state);
  expect(told().facts["model"]).not.toBe("as it was");
});
