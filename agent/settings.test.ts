import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { checkConfig } from "./config.ts";
import { agentSettings, agentSettingsFrom, rawConfig } from "./settings.ts";

const folder = mkdtempSync(join(tmpdir(), "provost-settings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "agent.conf");
const tokenFile = join(folder, "token");

test("docs/operate/settings.md lists every setting of the agent, with its words", () => {
  const page = readFileSync(new URL("../docs/operate/settings.md", import.meta.url), "utf8");
  const part = page.slice(page.indexOf("## The agent's"), page.indexOf("## The server's"));
  const rows = [...part.matchAll(/^\| `([a-z-]+)` \| `([A-Z_]+)` \| (.+?) \| (.+?) \|$/gm)].map(
    ([, name, variable, what, otherwise]) => ({
      name,
      variable,
      what,
      otherwise: otherwise?.replaceAll("`", ""),
    }),
  );
  expect(rows).toEqual(
    agentSettings.map(({ name, variable, what, otherwise }) => ({ name, variable, what, otherwise })),
  );
});

describe("what the daemon starts with", () => {
  const config = (text: string, environment: Record<string, string> = {}, flags: readonly string[] = []) => {
    writeFileSync(file, text);
    const all = { PROVOST_CONFIG: file, ...environment };
    return checkConfig(rawConfig(agentSettingsFrom(flags, all), all), "host");
  };
  test("file, variables and flags come to one configuration", () => {
    const made = config(
      "server = wss://provost.example/agent\nexclude = /a:/b\nproxy = http://proxy.example\nmode = warn\n",
      { PROVOST_NAME: "mine" },
      ["--mode=block"],
    );
    expect(made).toMatchObject({
      server: "wss://provost.example/agent",
      excluded: ["/a", "/b"],
      name: "mine",
      mode: "block",
      folder: "/var/lib/provost",
    });
    expect(made.proxy?.host).toBe("proxy.example");
    expect(config("").server).toBeUndefined();
  });
  test("the token comes from its file, from the unit's credential, or from nowhere when it was used", () => {
    expect(config(`token-file = ${tokenFile}\n`).token).toBeUndefined();
    writeFileSync(tokenFile, "pvt1.x\n");
    expect(config(`token-file = ${tokenFile}\n`)).toMatchObject({ token: "pvt1.x", tokenFile });
    expect(config("", { CREDENTIALS_DIRECTORY: folder }).token).toBe("pvt1.x");
    expect(config("", { PROVOST_TOKEN: "pvt1.y", CREDENTIALS_DIRECTORY: folder }).token).toBe("pvt1.y");
    expect(() => config("", {}, ["--token=pvt1.z"])).toThrow(
      /^--token: every user of this machine can read a command line/,
    );
  });
  test.each([
    ["server = http://provost.example\n", /^server: wanted wss:\/\//],
    ["server = ws://provost.example/agent\n", /^server: wanted wss:\/\//],
    ["proxy = socks5://proxy.example\n", /^proxy: wanted an address such as/],
    ["mode = deny\n", /^mode: /],
    ["servr = wss://provost.example/agent\n", /agent.conf:1: there is no setting servr; is server meant\?$/],
  ])("%s is refused with its place", (text, message) => expect(() => config(text)).toThrow(message));
});
