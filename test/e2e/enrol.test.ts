/** `provost enrol` and `provost config check` against a real server, with settings and state in a folder of the test. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openState, writeMeta } from "../../agent/state/state.ts";
import { parseToken } from "../../shared/protocol/greeting.ts";
import { runProvost } from "../support/run-provost.ts";
import { openWorld } from "../support/server-world.ts";
import type { World } from "../support/server-world.ts";

let server: World;
let folder = "";
const scratch = mkdtempSync(join(tmpdir(), "provost-enrol-"));
beforeAll(async () => {
  server = await openWorld({ tls: { tls: "own" } });
});
beforeEach(() => {
  folder = mkdtempSync(join(scratch, "device-"));
  mkdirSync(join(folder, "state"), { mode: 0o700 });
});
afterAll(async () => {
  await server.close();
  rmSync(scratch, { recursive: true, force: true });
});

const url = (): string => `${server.address.replace(/^https/, "wss")}/agent`;
function enrol(token: string, more: readonly string[] = []) {
  writeFileSync(join(folder, "token-given"), `${token}\n`);
  const words = [
    "--state",
    join(folder, "state"),
    "enrol",
    "--server",
    url(),
    "--token-file",
    "token-given",
    "--config",
    join(folder, "agent.conf"),
  ];
  return runProvost([...words, ...more], { cwd: folder });
}

test("the way is looked at, then settings and token are written, for the agent alone", async () => {
  writeFileSync(join(folder, "agent.conf"), "# mine\n#server = wss://provost.example:4680/agent\nname = desk\n", {
    mode: 0o640,
  });
  const token = server.token();
  const ran = await enrol(token);
  expect(ran.err).toMatch(
    /name +127\.0\.0\.1 is an address\n.*connection +something listens.*\n.*greeting +a Provost server, key .*, which signed the certificate it shows\n.*token +the server takes this token\n.*clock +this device's clock/,
  );
  const tokenFile = join(folder, "state/token");
  expect(readFileSync(join(folder, "agent.conf"), "utf8")).toBe(
    `# mine\nserver = ${url()}\nname = desk\ntoken-file = ${tokenFile}\n`,
  );
  expect(statSync(join(folder, "agent.conf")).mode & 0o777).toBe(0o640);
  expect(readFileSync(tokenFile, "utf8")).toBe(`${token}\n`);
  expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
  expect(`${ran.out}${ran.err}`).not.toContain(token);
  const checked = await runProvost(["config", "check", "agent.conf", "--json"], { cwd: folder });
  const { settings } = JSON.parse(checked.out) as {
    settings: readonly { name: string; value: string; from: string }[];
  };
  expect(settings.find(({ name }) => name === "server")).toEqual({
    name: "server",
    value: url(),
    from: `${join(folder, "agent.conf")}:2`,
  });
});

describe("nothing is written where", () => {
  const nothing = (): void => expect(readdirSync(folder).sort()).toEqual(["state", "token-given"]);
  test("the token is cut", async () => {
    const ran = await enrol(server.token().slice(0, -1));
    expect([ran.code, ran.err]).toEqual([
      2,
      expect.stringMatching(
        /^ENROL_REFUSED: the enrolment token is not one: .*\n {2}take the line that the console shows/,
      ),
    ]);
    nothing();
  });
  test("the token is another server's", async () => {
    const other = await openWorld();
    const ran = await enrol(other.token());
    await other.close();
    expect(ran.err).toMatch(
      /SERVER_NOT_TRUSTED: the token is of another server\n {2}take a token from this server's console/,
    );
    nothing();
  });
  test.each([
    ["ran out before the device came", "has expired", (late: World) => late.token()],
    [
      "another device used",
      "was used before",
      (late: World) => {
        const token = late.token();
        late.parts.store.access.takeToken(parseToken(token)?.secret ?? "", "dev_other", 0);
        return token;
      },
    ],
  ])("the token is one that %s: doctor and enrol say so, and what to do", async (_what, says, tokenOf) => {
    const late = await openWorld({ tls: { tls: "own" }, edge: { tokenMs: 1 } });
    const at = `${late.address.replace(/^https/, "wss")}/agent`;
    const token = tokenOf(late);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const ran = await enrol(token, ["--server", at]);
    const words = ["--state", join(folder, "state"), "doctor", "--server", at, "--token-file", "token-given"];
    const looked = await runProvost(words, { cwd: folder });
    expect([late.parts.store.inventory.deviceIds(), await late.close()]).toEqual([[], undefined]);
    expect([ran.code, ran.err]).toEqual([
      2,
      expect.stringMatching(
        new RegExp(
          `\\nENROL_REFUSED: the enrolment token ${says}\\n {2}ask for a new one in the console under Devices, Add device\\n$`,
        ),
      ),
    ]);
    expect([looked.code, looked.out]).toEqual([
      7,
      expect.stringMatching(
        new RegExp(
          `token +the enrolment token ${says}\\n +ask for a new one in the console under Devices, Add device\\n`,
        ),
      ),
    ]);
    expect(readdirSync(join(folder, "state"))).toEqual([]);
    nothing();
  });
  test("nothing listens", async () => {
    const ran = await runProvost(
      [
        "--state",
        join(folder, "state"),
        "enrol",
        "--server",
        "wss://127.0.0.1:1/agent",
        "--token-file",
        "token-given",
        "--config",
        "agent.conf",
      ],
      { cwd: folder },
    );
    expect(ran.err).toMatch(/UNREADABLE: --token-file: token-given cannot be read/);
    const again = await enrol(server.token(), ["--server", "wss://127.0.0.1:1/agent"]);
    expect(again.err).toMatch(
      /SERVER_UNREACHABLE: 127\.0\.0\.1 port 1 cannot be reached: nothing listens there\n {2}on the server: systemctl status provost-server/,
    );
    nothing();
  });
  test("the address is no agent's", async () => {
    const ran = await enrol(server.token(), ["--server", "https://provost.example"]);
    expect(ran.err).toMatch(/^CONFIG_INVALID: server: wanted wss:\/\//);
    nothing();
  });
});

test("a device that is enrolled already says so, and moves only when asked", async () => {
  const state = openState(join(folder, "state"));
  writeMeta(state, "device", "dev_before");
  writeMeta(state, "server-url", "wss://before.example/agent");
  state.close();
  const ran = await enrol(server.token());
  expect(ran.err).toMatch(
    /CONFIG_INVALID: this device is enrolled already, as dev_before at wss:\/\/before\.example\/agent\n {2}a second agent on one machine/,
  );
  expect((await enrol(server.token(), ["--again"])).code).toBe(0);
});

test("before anything is set up, doctor looks at the way to a server and whether the token is its own", async () => {
  writeFileSync(join(folder, "token-given"), `${server.token()}\n`);
  const doctor = (...more: string[]) =>
    runProvost(["--state", join(folder, "state"), "doctor", "--json", ...more], { cwd: folder });
  const steps = async (...more: string[]) =>
    (
      JSON.parse((await doctor(...more)).out) as {
        server: { steps: readonly { step: string; state: string; next?: string }[] } | null;
      }
    ).server?.steps;
  expect((await steps("--server", url(), "--token-file", "token-given"))?.map(({ state }) => state)).toEqual([
    "holds",
    "holds",
    "holds",
    "holds",
    "holds",
  ]);
  const refused = await steps("--server", "wss://127.0.0.1:1/agent");
  expect(refused?.at(-1)).toMatchObject({
    step: "connection",
    state: "fails",
    next: expect.stringContaining("systemctl status provost-server"),
  });
  expect((await doctor("--server", "wss://127.0.0.1:1/agent")).code).toBe(7);
});

test("settings that cannot be used are named with their line", async () => {
  writeFileSync(join(folder, "agent.conf"), "server = wss://a/agent\nmodus = block\n");
  const ran = await runProvost(["config", "check", "agent.conf"], { cwd: folder });
  expect([ran.code, ran.err]).toEqual([
    2,
    `CONFIG_INVALID: ${join(folder, "agent.conf")}:2: there is no setting modus; is mode meant?\n`,
  ]);
});
