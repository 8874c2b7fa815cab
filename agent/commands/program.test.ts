import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Verbs, World } from "./program.ts";
import { run, stateFolder } from "./program.ts";
import { openTerminal } from "./terminal.ts";

const folder = mkdtempSync(join(tmpdir(), "provost-program-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly called: readonly unknown[];
  readonly out: string;
  readonly err: string;
}

async function call(args: readonly string[], verbs: Partial<Verbs> = {}): Promise<Ran> {
  const called: unknown[] = [];
  const out: string[] = [];
  const err: string[] = [];
  const note =
    (verb: string) =>
    (request: { folder: string; json: boolean }, ...rest: readonly unknown[]): 0 => {
      called.push(verb, request.folder, request.json, ...rest);
      return 0;
    };
  const later =
    (verb: string) =>
    (request: { folder: string; json: boolean }, ...rest: readonly unknown[]) =>
      Promise.resolve(note(verb)(request, ...rest));
  const world: World = {
    terminal: openTerminal({ write: (text) => out.push(text) }, { write: (text) => err.push(text) }, {}),
    cwd: folder,
    env: {},
    now: () => 0,
    stop: new AbortController().signal,
  };
  const all: Verbs = {
    status: note("status"),
    inventory: note("inventory"),
    scan: later("scan"),
    verify: later("verify"),
    why: later("why"),
    verifyBundle: later("verifyBundle"),
    signBundle: later("signBundle"),
    attest: later("attest"),
    policyCheck: later("policyCheck"),
    policyTest: later("policyTest"),
    enrol: later("enrol"),
    configCheck: later("configCheck"),
    labRun: later("labRun"),
    doctor: later("doctor"),
    requestApproval: later("requestApproval"),
    approve: later("approve"),
    quarantineList: later("quarantineList"),
    quarantineRestore: later("quarantineRestore"),
    auditExport: later("auditExport"),
    auditVerify: later("auditVerify"),
    stopAgent: later("stopAgent"),
    sbom: note("sbom"),
    ...verbs,
  };
  return { code: await run(args, all, world), called, out: out.join(""), err: err.join("") };
}

const installed = "/var/lib/provost";
const plain = {
  format: "cyclonedx",
  specVersion: undefined,
  timestamp: undefined,
  serial: undefined,
  sourceDateEpoch: undefined,
};
const all = { executables: false, standing: undefined, ecosystem: undefined };

test.each<readonly [string, readonly unknown[]]>([
  ["status", ["status", installed, false]],
  ["status --json", ["status", installed, true]],
  ["--state /s status", ["status", "/s", false]],
  ["status --state /s", ["status", "/s", false]],
  ["status --state=s", ["status", join(folder, "s"), false]],
  ["inventory", ["inventory", installed, false, all]],
  [
    "inventory --executables --standing refuted --json",
    ["inventory", installed, true, { ...all, executables: true, standing: "refuted" }],
  ],
  ["inventory --ecosystem npm", ["inventory", installed, false, { ...all, ecosystem: "npm" }]],
  ["scan", ["scan", installed, false, [], false]],
  ["scan --deep /srv /opt", ["scan", installed, false, ["/srv", "/opt"], true]],
  ["verify --json a b", ["verify", installed, true, ["a", "b"], {}]],
  ["verify -- --json", ["verify", installed, false, ["--json"], {}]],
  [
    "verify --bundle b --bundle c a --min-level 2",
    ["verify", installed, false, ["a"], { bundle: ["b", "c"], minLevel: "2" }],
  ],
  ["quarantine list --json", ["quarantineList", installed, true]],
  ["quarantine restore cmd_1", ["quarantineRestore", installed, false, "cmd_1"]],
  ["audit export", ["auditExport", installed, false]],
  ["audit verify f", ["auditVerify", installed, false, "f", {}]],
  [
    `audit verify f --holds ${"b".repeat(64)} --server ${"k".repeat(43)}`,
    ["auditVerify", installed, false, "f", { holds: "b".repeat(64), server: "k".repeat(43) }],
  ],
  [`audit verify f --last ${"a".repeat(64)}`, ["auditVerify", installed, false, "f", { last: "a".repeat(64) }]],
  ["why 77d04e --state /s", ["why", "/s", false, "77d04e", {}]],
  ["why f --key a --key b", ["why", installed, false, "f", { key: ["a", "b"] }]],
  [
    "verify-bundle --bundle b --certificate-identity i --certificate-oidc-issuer u --trusted-root t f",
    [
      "verifyBundle",
      installed,
      false,
      "f",
      { bundle: "b", certificateIdentity: "i", certificateOidcIssuer: "u", trustedRoot: "t" },
    ],
  ],
  [
    "sign-bundle --in-toto --identity-token t --bundle b --signing-config c f",
    ["signBundle", installed, false, "f", { inToto: true, identityToken: "t", bundle: "b", signingConfig: "c" }],
  ],
  ["attest --key k a b", ["attest", installed, false, ["a", "b"], { key: "k" }]],
  ["policy check p --json", ["policyCheck", installed, true, "p"]],
  ["policy test p --cases c", ["policyTest", installed, false, "p", "c"]],
  [
    "enrol --server wss://a/agent --token-file - --wait 5",
    ["enrol", installed, false, { server: "wss://a/agent", tokenFile: "-", wait: 5 }],
  ],
  ["config check ./agent.conf", ["configCheck", installed, false, "./agent.conf"]],
  ["config check --json", ["configCheck", installed, true, undefined]],
  ["sbom", ["sbom", installed, false, "device", plain]],
  [
    "sbom --format spdx --spec-version 3.0.1 --timestamp 2026-01-01T00:00:00Z ./device",
    [
      "sbom",
      installed,
      false,
      "./device",
      { ...plain, format: "spdx", specVersion: "3.0.1", timestamp: "2026-01-01T00:00:00Z" },
    ],
  ],
])("provost %s", async (line, called) => {
  const ran = await call(line.split(" "));
  expect([ran.code, ran.called]).toEqual([0, called]);
});

test.each([
  ["", "Usage: provost"],
  ["frobnicate", "unknown command 'frobnicate'"],
  ["verify", "missing required argument 'file'"],
  ["verify --frob x", "unknown option '--frob'"],
  ["why", "missing required argument 'file-or-digest-or-code'"],
  ["why a b", "too many arguments"],
  ["inventory --standing fine", "Allowed choices are proven, signed, unproven, refuted, unchecked"],
  ["inventory --ecosystem cobol", "Allowed choices are deb, npm, pypi"],
  ["status --state", "argument missing"],
  ["verify-bundle f", "required option '--bundle <file>' not specified"],
  ["sign-bundle --bundle b f", "required option '--identity-token <token>' not specified"],
  ["policy", "Usage: provost policy"],
  ["policy test p", "required option '--cases <file>' not specified"],
  ["sbom --format swid", "Allowed choices are cyclonedx, spdx"],
])("provost %s is a usage error that says what is wrong", async (line, says) => {
  const ran = await call(line.split(" ").filter((word) => word !== ""));
  expect([ran.code, ran.called, ran.out]).toEqual([2, [], ""]);
  expect(ran.err).toContain(says);
});

test.each([["--help"], ["verify --help"], ["--version"], ["help why"]])(
  "provost %s is what was wanted",
  async (line) => {
    const ran = await call(line.split(" "));
    expect([ran.code, ran.err]).toEqual([0, ""]);
    expect(ran.out.length).toBeGreaterThan(3);
  },
);

test("a usage error repeats what was typed without its escape sequences", async () => {
  expect((await call(["\u001b[2Jx"])).err).not.toContain("\u001b");
});

test.each([
  [
    new AppError("NOT_FOUND", "it is not here", { remedy: "look there" }),
    2,
    "NOT_FOUND: it is not here\n  look there\n",
  ],
  [new AppError("UNREADABLE", "closed"), 6, "UNREADABLE: closed\n"],
  [
    Object.assign(new Error("file is not a database"), { code: "SQLITE_NOTADB" }),
    2,
    "STATE_UNUSABLE: the agent's state cannot be used: file is not a database\n  move the folder away: the agent then enrols and scans anew\n",
  ],
])("a verb that throws %s ends with %d and says so on stderr", async (cause, code, err) => {
  const ran = await call(["status"], {
    status: () => {
      throw cause;
    },
  });
  expect([ran.code, ran.out, ran.err]).toEqual([code, "", err]);
});

describe("the state folder", () => {
  const here = join(folder, "project");
  mkdirSync(join(here, ".provost/agent"), { recursive: true });

  test.each([
    ["the option first", "/o", { PROVOST_STATE: "/e" }, here, "/o"],
    ["then the environment", undefined, { PROVOST_STATE: "/e" }, here, "/e"],
    ["an empty variable is none", undefined, { PROVOST_STATE: "" }, here, join(here, ".provost/agent")],
    ["then the folder here", undefined, {}, here, join(here, ".provost/agent")],
    ["then the installed agent's", undefined, {}, folder, installed],
  ])("%s", (_name, option, env, cwd, wanted) => {
    expect(stateFolder(option, { cwd, env })).toBe(wanted);
  });

  test("an empty option is refused", () => {
    expect(() => stateFolder("", { cwd: here, env: {} })).toThrow("--state");
  });
});
