import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { hashStopCode } from "../gate/stop-code.ts";
import type { Request } from "./request.ts";
import { stopAgent } from "./stop.ts";

const scratch = mkdtempSync(join(tmpdir(), "provost-stop-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let said: string[];
beforeEach(() => (said = []));

/** A device where no agent runs. */
function device(settings: string, code?: string): Request {
  const config = join(scratch, "agent.conf");
  writeFileSync(config, `state = ${scratch}\n${settings}`);
  return {
    folder: scratch,
    json: false,
    terminal: {
      out: (line: string) => void said.push(line),
      note: () => undefined,
      progress: () => undefined,
    },
    cwd: scratch,
    env: { PROVOST_CONFIG: config, ...(code === undefined ? {} : { PROVOST_STOP_CODE: code }) },
    now: () => 0,
    stop: new AbortController().signal,
  } as unknown as Request;
}

const protectedBy = (code: string): string => `stop-hash = ${hashStopCode(code)}\n`;

test("where no agent runs, the owner's code is enough and nothing else is", async () => {
  const settings = protectedBy("the owner knows this");
  expect(await stopAgent(device(settings, "the owner knows this"), false)).toBe(0);
  expect(said).toEqual(["The code is the owner's. No agent with a gate runs here."]);
  for (const code of ["another one, as long", "", undefined])
    await expect(stopAgent(device(settings, code), false)).rejects.toMatchObject({ code: "NOT_ALLOWED" });
});

test("without a code, that nobody answers is said as it is", async () => {
  await expect(stopAgent(device(""), false)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("the settings of another agent on this machine say nothing about this one", async () => {
  const request = {
    ...device(protectedBy("the owner knows this"), "the owner knows this"),
    folder: join(scratch, "other"),
  };
  await expect(stopAgent(request, false)).rejects.toMatchObject({ code: "NOT_FOUND" });
});
