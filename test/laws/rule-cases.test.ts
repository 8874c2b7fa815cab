import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import { openRecent } from "../../server/detection/recent.ts";
import type { RuleCase } from "../../server/detection/rules/case.ts";
import { reducerRules } from "../../server/detection/rules/index.ts";
import { sqliteStore } from "../../server/store/sqlite/sqlite.ts";
import type { Store } from "../../server/store/store.ts";
import { folders, top } from "./repository.ts";

/** Rules with a memory, each held against the cases in its folder: what it has to say, and what is honest work. */
const slot = "server/detection/rules";
const casesOf = async (folder: string): Promise<readonly RuleCase[]> =>
  ((await import(join(top, slot, folder, "cases.ts"))) as { cases: readonly RuleCase[] }).cases;

let state: string;
let store: Store;
beforeAll(() => {
  state = mkdtempSync(join(tmpdir(), "provost-cases-"));
  store = sqliteStore(state);
});
afterAll(() => {
  store.close();
  rmSync(state, { recursive: true, force: true });
});

test("each folder is a rule", () => {
  expect(reducerRules.map(({ id }) => id.replace("provost.", "")).toSorted()).toEqual(folders(slot));
});

describe.each(
  await Promise.all(reducerRules.map(async (rule) => [rule.id, rule, await casesOf(rule.id.slice(8))] as const)),
)("%s", (_id, rule, cases) => {
  test("has two cases that it tells and two that it lets pass, each by a name of its own", () => {
    expect(cases.filter(({ finds }) => finds.length > 0).length).toBeGreaterThanOrEqual(2);
    expect(cases.filter(({ finds }) => finds.length === 0).length).toBeGreaterThanOrEqual(2);
    expect(new Set(cases.map(({ says }) => says)).size).toBe(cases.length);
  });

  test.each(cases.map((one) => [one.says, one] as const))("%s", (says, { events, finds }) => {
    // Each case is a device of its own: nothing is usual there yet.
    const device = `${rule.id} ${says}` as DeviceId;
    const scene = { device, baseline: store.baseline, recent: openRecent() };
    const told = events.flatMap((event, at) => {
      const found = rule.observe({ ...event, id: `e${at}` }, scene);
      return found === undefined ? [] : [[found.level, found.sentence]];
    });
    expect(told).toEqual(finds);
  });
});
