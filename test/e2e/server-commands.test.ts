/** The verbs of `provost-server`, as programs, beside a server that runs. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { productVersion } from "../../shared/protocol/version.ts";
import { until } from "../support/server-world.ts";

const program = fileURLToPath(new URL("../../server/main.ts", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "provost-server-verbs-"));
const data = join(scratch, "data");
const environment = {
  ...process.env,
  PROVOST_CONFIG: "",
  PROVOST_SERVER_STATE: data,
  PROVOST_TLS: "own",
  PROVOST_PORT: "0",
  PROVOST_REGISTRIES: "off",
  PROVOST_TRUST_ROOTS: "off",
};
const flags = ["--disable-warning=ExperimentalWarning", program];

let server: ChildProcess;
let printed = "";
beforeAll(async () => {
  server = spawn(process.execPath, flags, { env: environment, stdio: ["ignore", "pipe", "ignore"] });
  server.stdout?.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  await until(() => printed.includes("sign-in?token="), "the server", 20_000);
});
afterAll(() => {
  server.kill("SIGKILL");
  rmSync(scratch, { recursive: true, force: true });
});

const ran = (words: readonly string[], more: Record<string, string> = {}) =>
  spawnSync(process.execPath, [...flags, ...words], { env: { ...environment, ...more }, encoding: "utf8" });

describe("config check", () => {
  test("says every setting and where it comes from", () => {
    const file = join(scratch, "server.conf");
    writeFileSync(file, "# mine\nport = 4690\nnames = provost.example\n");
    const done = ran(["config", "check", "--json", "--port-tries=3"], { PROVOST_CONFIG: file, PROVOST_PORT: "" });
    expect(done.stderr).toBe("");
    const { settings } = JSON.parse(done.stdout) as {
      settings: readonly { name: string; value: unknown; from: string }[];
    };
    const of = (name: string) => settings.find((one) => one.name === name);
    expect(of("port")).toEqual({ name: "port", value: "4690", from: `${file}:2` });
    expect(of("names")).toEqual({ name: "names", value: ["provost.example"], from: `${file}:3` });
    expect(of("port-tries")).toEqual({ name: "port-tries", value: "3", from: "flag" });
    expect(of("tls")).toEqual({ name: "tls", value: "own", from: "variable PROVOST_TLS" });
    expect(of("library")?.from).toBe("not set");
  });
  test.each([
    ["a misspelt name", "prot = 1\n", /server.conf:1: there is no setting prot; is port meant\?/],
    ["a wrong value", "port = many\n", /port: wanted a whole number/],
    ["another address without TLS", "host = 0.0.0.0\ntls = off\n", /host: wanted 127\.0\.0\.1 or ::1/],
  ])("%s ends with 2 and the place", (_what, text, message) => {
    const file = join(scratch, "server.conf");
    writeFileSync(file, text);
    const done = ran(["config", "check"], { PROVOST_CONFIG: file, PROVOST_PORT: "", PROVOST_TLS: "" });
    expect(done.stderr).toMatch(message);
    expect(done.status).toBe(2);
  });
  test("a file that was named and is not there is said", () => {
    const done = ran(["config", "check"], { PROVOST_CONFIG: join(scratch, "absent.conf") });
    expect(done.stderr).toMatch(/absent\.conf cannot be read \(ENOENT/);
  });
});

test("sign-in makes a link that the running server takes, once", async () => {
  const link = ran(["sign-in"]).stdout.trim();
  expect(link).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/sign-in\?token=/);
  const open = () =>
    spawnSync("curl", ["-sk", "-o", "/dev/null", "-w", "%{redirect_url} %header{set-cookie}", link], {
      encoding: "utf8",
    }).stdout;
  expect(open()).toMatch(/provost_session=[^;]+;.*Secure/);
  expect(open()).not.toMatch(/provost_session/);
});

test("sessions are listed without what opens them, and one of them is ended", async () => {
  const signIn = async (...words: readonly string[]): Promise<{ "x-csrf"?: string; cookie: string }> => {
    const link = ran(["sign-in", ...words]).stdout.trim();
    const { stdout } = spawnSync("curl", ["-ksi", link], { encoding: "utf8" });
    return { cookie: /set-cookie: ([^;]+)/i.exec(stdout)?.[1] ?? "" };
  };
  const status = ({ cookie }: { cookie: string }): string => {
    const address = readFileSync(join(data, "address"), "utf8").trim();
    const asked = [
      "-ks",
      "-o",
      "/dev/null",
      "-w",
      "%{http_code}",
      "-H",
      `cookie: ${cookie}`,
      `${address}/api/v1/overview`,
    ];
    return spawnSync("curl", asked, { encoding: "utf8" }).stdout;
  };
  const [hana, ada] = [
    await signIn("--role", "analyst", "--name", "hana"),
    await signIn("--role", "auditor", "--name", "Ada Lovelace"),
  ];
  expect([status(hana), status(ada)]).toEqual(["200", "200"]);
  const listed = JSON.parse(ran(["sessions", "--json"]).stdout) as readonly {
    id: string;
    user: string;
    role: string;
  }[];
  const found = listed.filter(({ user }) => user === "hana" || user === "Ada Lovelace");
  expect(found.map(({ user, role }) => `${user} ${role}`)).toEqual(["hana analyst", "Ada Lovelace auditor"]);
  expect(JSON.stringify(listed)).not.toContain(hana.cookie.split("=")[1]);
  const id = found[0]?.id ?? "";
  expect(ran(["sessions"]).stdout).toMatch(new RegExp(`^${id}  analyst  since .* until .*  hana$`, "m"));
  expect(ran(["sessions", "--end", id])).toMatchObject({ status: 0, stdout: `${id} of hana has ended\n` });
  expect([status(hana), status(ada)]).toEqual(["401", "200"]);
  expect(ran(["sessions", "--end", id])).toMatchObject({ status: 1, stdout: "" });
  expect(ran(["sessions", "--end", id.slice(0, 8)])).toMatchObject({ status: 1 });
  expect(ran(["sessions", "more"])).toMatchObject({ status: 2 });
});

test("sign-in for somebody else says who they are and what they may do, wherever the words stand", () => {
  const session = (words: readonly string[]): unknown => {
    const link = ran(["sign-in", ...words]).stdout.trim();
    const jar = join(scratch, "cookies");
    spawnSync("curl", ["-sk", "-o", "/dev/null", "-c", jar, link]);
    const url = new URL("/api/v1/session", link);
    return JSON.parse(spawnSync("curl", ["-sk", "-b", jar, String(url)], { encoding: "utf8" }).stdout) as unknown;
  };
  expect(session(["--role", "analyst", "--name=hana"])).toMatchObject({ user: "hana", role: "analyst" });
  expect(session(["--name", "Ada Lovelace", "--port-tries=3", "--role=auditor"])).toMatchObject({
    user: "Ada Lovelace",
    role: "auditor",
  });
  expect(session([])).toMatchObject({ user: "owner", role: "owner" });
  for (const [words, why] of [
    [["--role", "analyst"], /--name: wanted a person's name/],
    [["--role=king", "--name=x"], /--role: wanted owner, analyst, auditor/],
    [["--role"], /--role: wanted/],
  ] as const) {
    const { status, stdout, stderr } = ran(["sign-in", ...words]);
    expect([status, stdout, stderr]).toEqual([2, "", expect.stringMatching(why)]);
  }
});

describe("backup and restore", () => {
  const file = join(scratch, "backup.sqlite");
  test("one file is written while the server runs, for its owner only, and never over another", () => {
    const done = ran(["backup", file]);
    expect([done.stdout, done.stderr]).toEqual([`${file}\n`, ""]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(scratch).filter((name) => name.startsWith("backup"))).toEqual(["backup.sqlite"]);
    expect(ran(["backup", file]).stderr).toMatch(/is there already; nothing is overwritten/);
  });
  test("restored elsewhere it is the same server: its key, its certificate and its sessions", async () => {
    const elsewhere = join(scratch, "elsewhere");
    const done = ran(["restore", file], { PROVOST_SERVER_STATE: elsewhere });
    expect([done.stdout, done.stderr]).toEqual([`${elsewhere}\n`, ""]);
    expect(readFileSync(join(elsewhere, "tls/server.key"), "utf8")).toBe(
      readFileSync(join(data, "tls/server.key"), "utf8"),
    );
    expect(statSync(join(elsewhere, "tls/server.key")).mode & 0o777).toBe(0o600);
    let said = "";
    const second = spawn(process.execPath, flags, {
      env: { ...environment, PROVOST_SERVER_STATE: elsewhere },
      stdio: ["ignore", "pipe", "ignore"],
    });
    second.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    try {
      await until(() => said.includes("sign-in?token="), "the restored server", 20_000);
    } finally {
      second.kill("SIGKILL");
    }
    expect(ran(["restore", file], { PROVOST_SERVER_STATE: elsewhere }).stderr).toMatch(/holds data already/);
  });
  test.each([
    ["a truncated one", (copy: string) => truncateSync(copy, 40_960)],
    ["something else", (copy: string) => writeFileSync(copy, "not a database at all, but long enough to be looked at")],
    ["an empty file", (copy: string) => writeFileSync(copy, "")],
  ])("%s is refused and leaves nothing", (_what, spoil) => {
    const copy = join(scratch, "spoilt.sqlite");
    writeFileSync(copy, readFileSync(file));
    spoil(copy);
    const target = mkdtempSync(join(scratch, "target-"));
    const done = ran(["restore", copy], { PROVOST_SERVER_STATE: target });
    expect(done.stderr).toMatch(/is not a whole backup of a Provost server/);
    expect(done.status).toBe(1);
    expect(readdirSync(target)).toEqual([]);
  });
});

test("says which release it is, without serving", () => {
  const done = ran(["--version"]);
  expect([done.status, done.stdout, done.stderr]).toEqual([0, `${productVersion}\n`, ""]);
});

test("an unknown verb is usage", () => {
  const done = ran(["serve"]);
  expect([done.status, done.stderr]).toEqual([
    2,
    "provost-server: CONFIG_INVALID: there is no verb serve; provost-server --help lists them\n",
  ]);
});
