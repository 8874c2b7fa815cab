import { spawn, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { node, top } from "../support/product.ts";

const folder = mkdtempSync(join(tmpdir(), "provost-once-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Summary {
  readonly device: string;
  readonly packages: number;
  readonly executables: number;
  readonly running: number;
  readonly standings: Readonly<Record<string, number>>;
  readonly bases: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly bytesHashed: number;
  readonly filesSeen: number;
  readonly proofs: Readonly<Record<string, number>>;
  readonly notSeen: readonly { readonly what: string; readonly count: number; readonly why: string }[];
}

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    const child = spawn(program, args, { cwd: top, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

describe("one whole pass of this machine", () => {
  const state = join(folder, "state");
  let first: Summary;

  test(
    "`npm start -- --once --json` prints one document and nothing else on standard output",
    { timeout: 1_500_000 },
    async () => {
      const done = await run("npm", ["start", "--", "--once", "--json", "--state", state, "--port", "4830"]);
      expect(done.stderr).not.toMatch(/failed/);
      expect(done.code).toBe(0);
      first = JSON.parse(done.stdout) as Summary;
      expect(first.device).toMatch(/^dev_/);
      expect(first.packages).toBeGreaterThan(100);
      expect(first.running).toBeGreaterThan(0);
      expect(sum(first.standings)).toBe(first.executables);
      expect(sum(first.bases)).toBe(first.executables);
      expect(first.proofs["pending"]).toBe(0);
      expect(sum(first.proofs) - (first.proofs["wanted"] ?? 0)).toBe(first.proofs["wanted"]);
    },
  );

  test("a second pass hashes only what changed meanwhile", { timeout: 600_000 }, async () => {
    const done = await run(node, [
      "--disable-warning=ExperimentalWarning",
      "installers/source/start.ts",
      "--once",
      "--json",
      "--state",
      state,
      "--port",
      "4830",
    ]);
    expect(done.code).toBe(0);
    const second = JSON.parse(done.stdout) as Summary;
    expect(second.filesSeen).toBeGreaterThan(first.filesSeen * 0.9);
    expect(second.bytesHashed).toBeLessThan(first.bytesHashed * 0.1);
    expect(second.device).toBe(first.device);
  });
});

const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
const cannotBeNobody =
  process.getuid?.() !== 0 ||
  spawnSync("setpriv", [...asNobody, "test", "-x", node]).status !== 0 ||
  spawnSync("setpriv", [...asNobody, "test", "-r", join(top, "dist/agent/main.js")]).status !== 0;
if (cannotBeNobody)
  process.stderr.write("skipped: an ordinary user's pass: needs root, setpriv and a checkout that others may read\n");

test.skipIf(cannotBeNobody)(
  "an ordinary user gets what may be seen, and is told what not",
  { timeout: 900_000 },
  async () => {
    const state = mkdtempSync(join(folder, "nobody-"));
    chownSync(folder, 65_534, 65_534);
    chownSync(state, 65_534, 65_534);
    const done = await run(
      "setpriv",
      [
        ...asNobody,
        node,
        "--disable-warning=ExperimentalWarning",
        "installers/source/start.ts",
        "--once",
        "--json",
        "--state",
        state,
        "--port",
        "4840",
      ],
      { ...process.env, HOME: state },
    );
    expect(done.stderr).not.toMatch(/failed/);
    expect(done.code).toBe(0);
    const summary = JSON.parse(done.stdout) as Summary;
    expect(summary.packages).toBeGreaterThan(100);
    expect(summary.notSeen.some(({ what, why }) => what === "folders" && why.includes("may not read"))).toBe(true);
    expect(summary.standings["signed"]).toBeGreaterThan(0);
  },
);

test("a wrong option is named, with where to read on", async () => {
  const done = await run(node, ["--disable-warning=ExperimentalWarning", "installers/source/start.ts", "--onse"]);
  expect(done.code).toBe(2);
  expect(done.stderr).toMatch(/--onse/);
  expect(done.stderr).toMatch(/--help/);
});
