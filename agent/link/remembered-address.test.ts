import { mkdtempSync, rmSync } from "node:fs";
import type { lookup } from "node:dns";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { State } from "../state/state.ts";
import { openState } from "../state/state.ts";
import { lookUpOrRemember, rememberAddress, serverAddress } from "./remembered-address.ts";

const scratch = mkdtempSync(join(tmpdir(), "provost-address-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let state: State;
beforeEach(() => {
  state = openState(mkdtempSync(join(scratch, "s-")));
});

const failing = ((_host: string, _options: object, done: (cause: Error) => void) =>
  done(new Error("EAI_AGAIN"))) as unknown as typeof lookup;
const answering = ((_host: string, _options: object, done: (cause: null, address: string, family: number) => void) =>
  done(null, "192.0.2.7", 4)) as unknown as typeof lookup;
const look = (ask: typeof lookup, all: boolean): Promise<unknown> =>
  new Promise((resolve) =>
    lookUpOrRemember(state, ask)("provost.example", { all }, (cause, address) => resolve(cause?.message ?? address)),
  );

test("a name that is found is used, whatever is remembered", async () => {
  rememberAddress(state, "192.0.2.1");
  expect(await look(answering, false)).toBe("192.0.2.7");
});

test("without a name server the last address is tried, in the form that was asked for", async () => {
  rememberAddress(state, "::ffff:192.0.2.1");
  expect(serverAddress(state)).toBe("192.0.2.1");
  expect(await look(failing, false)).toBe("192.0.2.1");
  expect(await look(failing, true)).toEqual([{ address: "192.0.2.1", family: 4 }]);
});

test("where none was ever reached the failure is told; what is no address is not remembered", async () => {
  rememberAddress(state, "");
  rememberAddress(state, undefined);
  expect(await look(failing, false)).toBe("EAI_AGAIN");
});
