/**
 * A device whose clock is wrong for real (libfaketime in front of the system's), against a real server over TLS. Doctor and enrol say by
 * how much and what to do; nothing else fails because of it, as tokens are judged by the server's clock and the server is known by its key.
 */
import { execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endChild } from "../support/gate-sensor.ts";
import { openWorld, until } from "../support/server-world.ts";
import type { World } from "../support/server-world.ts";

const faketime = "/usr/bin/faketime";
const why = existsSync(faketime) ? undefined : "faketime is missing: apt-get install -y faketime";
if (why !== undefined) process.stderr.write(`clock.test.ts is skipped: ${why}\n`);

const top = join(import.meta.dirname, "../..");
const twoDays = 2 * 86_400;
const quiet = "--disable-warning=ExperimentalWarning";

describe.skipIf(why !== undefined).each([
  ["ahead of", "+2d"],
  ["behind", "-2d"],
])("a clock that is two days %s the server's", (word, offset) => {
  let server: World;
  const scratch = mkdtempSync(join(tmpdir(), "provost-clock-"));
  const state = join(scratch, "state");
  const token = join(scratch, "token-given");
  const config = join(scratch, "agent.conf");
  const url = (): string => `${server.address.replace(/^https/, "wss")}/agent`;
  const env = (): NodeJS.ProcessEnv => ({
    ...process.env,
    // The program forks and waits: what it preloads is given here, so that a signal reaches who is meant.
    LD_PRELOAD: execFileSync(faketime, ["-f", "+0", "printenv", "LD_PRELOAD"], { encoding: "utf8" }).trim(),
    FAKETIME: offset,
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    DONT_FAKE_MONOTONIC: "1",
    PROVOST_CONFIG: existsSync(config) ? config : undefined,
  });
  const provost = (
    ...words: string[]
  ): Promise<{ readonly code: number; readonly out: string; readonly err: string }> =>
    new Promise((resolve) =>
      execFile(
        process.execPath,
        [quiet, join(top, "agent/provost.ts"), "--state", state, ...words],
        { env: env() },
        (error, out, err) => resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err }),
      ),
    );
  const said = new RegExp(
    `clock +this device's clock is (\\d+) s ${word} the server's\\n +timedatectl set-ntp true, or set the clock; tokens and proofs are judged by the time\\n`,
  );

  beforeAll(async () => {
    server = await openWorld({ tls: { tls: "own" } });
    mkdirSync(state, { mode: 0o700 });
    writeFileSync(token, `${server.token()}\n`);
  });
  afterAll(async () => {
    await server.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  test("doctor says by how much and what to do, changes nothing, and all else holds", async () => {
    const { code, out } = await provost("doctor", "--server", url(), "--token-file", token);
    expect(code).toBe(7);
    expect(Math.abs(Number(said.exec(out)?.[1]) - twoDays)).toBeLessThanOrEqual(60);
    expect(out).toMatch(/token +the server takes this token\n/);
    expect(readdirSync(scratch).toSorted()).toEqual(["state", "token-given"]);
    expect(readdirSync(state)).toEqual([]);
  });

  test("enrol says it, too, and the device is taken in all the same", async () => {
    const { code, err } = await provost("enrol", "--server", url(), "--token-file", token, "--config", config);
    expect([code, err]).toEqual([0, expect.stringMatching(said)]);
    const words = ["--state", state, ...everything().flatMap((path) => ["--exclude", path])];
    const agent = spawn(process.execPath, [quiet, join(top, "agent/main.ts"), ...words], {
      env: env(),
      stdio: ["ignore", "ignore", "inherit"],
    });
    try {
      const [device] = await until(
        () => {
          const ids = server.parts.store.inventory.deviceIds();
          return ids.length > 0 && ids;
        },
        "the device",
        30_000,
      );
      expect(server.parts.store.inventory.device(device ?? "")?.name).toBeTypeOf("string");
      await until(() => server.edge.online.size === 1, "its session");
    } finally {
      await endChild(agent);
    }
  });

  test("on the device that is enrolled, doctor says it again", async () => {
    const { code, out } = await provost("doctor");
    expect([code, out]).toEqual([7, expect.stringMatching(said)]);
    expect(readFileSync(config, "utf8")).toContain(`server = ${url()}`);
  });
});

/** The pass over this machine has nothing to do. */
const everything = (): readonly string[] => readdirSync("/").map((name) => `/${name}`);
