import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openState } from "../../agent/state/state.ts";
import { acceptProof } from "../../agent/provenance/proofs.ts";
import type { Purl, Sha256 } from "../../shared/model/ids.ts";

const home = join(import.meta.dirname, "../..");
const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "provost-cli-")));
const tree = join(folder, "tree");
const state = join(folder, "state");
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The real program, as a person or a script starts it. */
function provost(
  args: readonly string[],
  options: { readonly via?: readonly string[]; readonly cwd?: string } = {},
): Promise<Ran> {
  const [program = "", ...rest] = [
    ...(options.via ?? []),
    process.execPath,
    "--disable-warning=ExperimentalWarning",
    join(home, "agent/provost.ts"),
    ...args,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { cwd: options.cwd ?? folder, stdio: ["ignore", "pipe", "pipe"] });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", reject);
    child.on("close", (code) =>
      resolve({ code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }),
    );
  });
}

const lines = (text: string): readonly Record<string, unknown>[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const put = (path: string, content: string | Uint8Array, mode = 0o644): string => {
  const full = join(tree, path);
  fs.mkdirSync(dirname(full), { recursive: true });
  fs.writeFileSync(full, content, { mode });
  return full;
};
const digestOf = (path: string): Sha256 => createHash("sha256").update(fs.readFileSync(path)).digest("hex") as Sha256;
const md5Of = (path: string): string => createHash("md5").update(fs.readFileSync(path)).digest("hex");

const purl = "pkg:deb/debian/tool@1.0?arch=amd64" as Purl;
const hostile = "bin/evil\u001b]0;owned\u0007\n[31m";
let tool: string;
let other: string;

beforeAll(async () => {
  tool = put("root/usr/bin/tool", "#!/bin/sh\necho tool\n", 0o755);
  other = put("root/usr/bin/other", "#!/bin/sh\necho other\n", 0o755);
  put("bin/unclaimed", "#!/bin/sh\necho who am I\n", 0o755);
  put(hostile, "#!/bin/sh\n", 0o755);
  put(
    "root/var/lib/dpkg/status",
    "Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\nMaintainer: A <a@b.c>\nDescription: x\n\n",
  );
  put("root/var/lib/dpkg/info/tool.list", "/.\n/usr\n/usr/bin\n/usr/bin/tool\n/usr/bin/other\n");
  put("root/var/lib/dpkg/info/tool.md5sums", `${md5Of(tool)}  usr/bin/tool\n${md5Of(other)}  usr/bin/other\n`);
  const scanned = await provost(["scan", tree, "--state", state, "--json"]);
  if (scanned.code !== 0 || scanned.err !== "") throw new Error(`the scan ended with ${scanned.code}: ${scanned.err}`);
});

describe("without a server", () => {
  test("status, where nothing has run, says so and how to begin", async () => {
    const ran = await provost(["status", "--state", join(folder, "nowhere")]);
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(ran.out).toContain("provost scan");
  });

  test("status tells what is known and that no server knows this device", async () => {
    const [answer] = lines((await provost(["status", "--state", state, "--json"])).out);
    expect(answer).toMatchObject({ enrolled: false, device: null, server: null });
    expect(answer?.["executables"]).toBeGreaterThanOrEqual(4);
  });

  test("inventory lists the executables of the tree and nothing that is data", async () => {
    const all = lines((await provost(["inventory", "--executables", "--json", "--state", state])).out);
    const inTree = all.map(({ file }) => String(file)).filter((file) => file.startsWith(tree));
    expect(inTree.toSorted()).toEqual(
      [`${tree}/bin/evil\\x1b]0;owned\\x07\\x0a[31m`, `${tree}/bin/unclaimed`, other, tool].toSorted(),
    );
  });

  test("inventory lists packages, by ecosystem and by the standing of their files", async () => {
    const named = async (...more: string[]) =>
      lines((await provost(["inventory", "--json", "--state", state, ...more])).out).filter(
        ({ name }) => name === "tool",
      );
    expect(await named("--ecosystem", "deb", "--standing", "unproven")).toMatchObject([
      { purl, root: join(tree, "root"), files: { unproven: 2 } },
    ]);
  });

  test("a second scan of the same tree hashes none of it and forgets nothing elsewhere", async () => {
    const before = lines((await provost(["inventory", "--executables", "--json", "--state", state])).out).length;
    const [answer] = lines((await provost(["scan", join(tree, "bin"), "--state", state, "--json"])).out);
    expect(answer?.["executables"]).toBeGreaterThanOrEqual(before);
    expect(await provost(["verify", tool, "--state", state, "--json"])).toMatchObject({ code: 3 });
  });

  test.each([
    ["with the agent's state", () => state, "agent"],
    ["without any state", () => join(folder, "nowhere"), "device"],
  ])("verify %s names the unsigned record, the owner and the missing archive", async (_name, from, recordsFrom) => {
    const ran = await provost(["verify", tool, "--state", from(), "--json"]);
    expect(ran).toMatchObject({ code: 3, err: "" });
    expect(lines(ran.out)).toMatchObject([
      {
        file: tool,
        recordsFrom,
        digest: digestOf(tool),
        verdict: { standing: "unproven", basis: "recorded" },
        facts: { root: join(tree, "root"), records: [{ purl, agrees: "yes" }] },
      },
    ]);
  });

  test("verify for a person begins with its criteria and ends its first chain with the weakest link on top", async () => {
    const ran = await provost(["verify", tool, "--state", join(folder, "nowhere")]);
    const text = ran.out.split("\n");
    expect(text[0]).toContain("no agent state in");
    expect(text.findIndex((line) => line.includes("missing   archive"))).toBe(7);
    expect(ran.out).not.toContain("\u001b");
  });

  test("sbom writes the tree and the device as documents that name the package, its file and its digest", async () => {
    for (const subject of [tree, "device"]) {
      const ran = await provost(["sbom", subject, "--state", state, "--timestamp", "2026-01-31T12:00:00Z"]);
      expect(ran).toMatchObject({ code: 0, err: "" });
      expect(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/u.test(ran.out)).toBe(false);
      expect(JSON.parse(ran.out)).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6" });
      for (const said of [purl, digestOf(tool), "/usr/bin/tool"]) expect(ran.out).toContain(said);
    }
    expect(await provost(["sbom", tool, "--spec-version", "9"])).toMatchObject({ code: 2, out: "" });
  });

  test("a name with escape sequences reaches neither stdout nor stderr raw", async () => {
    for (const verb of ["verify", "why"])
      for (const json of [[], ["--json"]]) {
        const ran = await provost([verb, join(tree, hostile), "--state", state, ...json]);
        expect([ran.code, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/u.test(ran.out + ran.err)]).toEqual([3, false]);
        expect(ran.out).toContain("evil\\");
      }
  });

  test("why takes the beginning of a digest, names the owner and what runs the file now", async () => {
    const sleeper = put("bin/sleeper", fs.readFileSync("/bin/sleep"), 0o755);
    await provost(["scan", join(tree, "bin"), "--state", state]);
    const child = spawn(sleeper, ["60"], { stdio: "ignore" });
    try {
      const byDigest = await provost(["why", digestOf(sleeper).slice(0, 12), "--state", state, "--json"]);
      const mine = lines(byDigest.out).find(({ file }) => file === sleeper);
      expect(mine?.["running"]).toMatchObject([{ pid: child.pid, as: "program" }]);
    } finally {
      child.kill();
    }
    const [owned] = lines((await provost(["why", tool, "--state", state, "--json"])).out);
    expect(owned?.["owners"]).toMatchObject([{ purl, via: "dpkg-md5sums" }]);
  });
});

describe("with a proof that a server sent", () => {
  const links = [{ link: "signature", state: "verified", says: "The archive signed it." }] as const;
  const signed: { path: string; sha256: Sha256 }[] = [];

  beforeAll(() => {
    signed.push({ path: "/usr/bin/tool", sha256: digestOf(tool) }, { path: "/usr/bin/other", sha256: digestOf(other) });
    const held = openState(state);
    acceptProof(held, {
      kind: "proof",
      version: 1,
      root: join(tree, "root"),
      purl,
      state: "derived",
      says: "It is signed.",
      links: [...links],
      files: signed,
    });
    held.close();
  });

  test("an untouched file is signed and ends with 0", async () => {
    const ran = await provost(["verify", tool, other, "--state", state, "--json"]);
    expect(ran.code).toBe(0);
    expect(lines(ran.out).map(({ verdict }) => verdict)).toMatchObject([
      { standing: "signed" },
      { standing: "signed" },
    ]);
  });

  test("a changed file is refuted although its md5sums entry was edited too, and ends with 1", async () => {
    fs.writeFileSync(other, "#!/bin/sh\necho owned\n");
    put("root/var/lib/dpkg/info/tool.md5sums", `${md5Of(tool)}  usr/bin/tool\n${md5Of(other)}  usr/bin/other\n`);
    const ran = await provost(["verify", tool, other, "--state", state, "--json"]);
    expect(ran.code).toBe(1);
    expect(lines(ran.out)[1]).toMatchObject({
      recordsFrom: "device",
      verdict: { standing: "refuted", basis: "contradicted", chain: [{}, {}, { link: "file", state: "failed" }] },
    });
    const told = await provost(["verify", other, "--state", state]);
    expect(told.out.split("\n").find((line) => /^ {4}\w/.test(line))).toContain("failed    file");
  });
});

describe("what goes wrong", () => {
  test.each([
    ["a missing file", () => [join(tree, "none")], 2, "NOT_FOUND: there is no file"],
    ["a folder", () => [tree], 2, "UNREADABLE: "],
    ["a file beside a missing one", () => [tool, join(tree, "none")], 7, "NOT_FOUND"],
  ])("verify of %s", async (_name, files, code, says) => {
    const ran = await provost(["verify", ...files(), "--state", state]);
    expect(ran.code).toBe(code);
    expect(ran.err).toContain(says);
  });

  test("verify of a named pipe answers at once", async () => {
    const pipe = join(tree, "pipe");
    execFileSync("mkfifo", [pipe]);
    const ran = await provost(["verify", pipe, "--state", state]);
    expect(ran).toMatchObject({ code: 2 });
    expect(ran.err).toContain("is a named pipe");
  });

  test("a 10 GB file with nothing in it is named unreadable at once, with the limit", async () => {
    const huge = put("huge", "");
    fs.truncateSync(huge, 10 * 1024 ** 3);
    const ran = await provost(["verify", huge, "--state", state, "--json"]);
    fs.rmSync(huge);
    expect(ran.code).toBe(4);
    expect(lines(ran.out)[0]).toMatchObject({ verdict: { standing: "unchecked", basis: "unreadable" } });
    expect(ran.out).toContain("more than the limit");
  });

  test.each([
    ["inventory", ["inventory"]],
    ["why, by digest", ["why", "abcdef0123"]],
  ])("%s without a state names the command to begin with", async (_name, args) => {
    const ran = await provost([...args, "--state", join(folder, "nowhere")]);
    expect(ran).toMatchObject({ code: 2, out: "" });
    expect(ran.err).toContain("provost scan");
  });

  test("a digest that nothing has, and one that is too short to mean anything", async () => {
    expect(await provost(["why", "0".repeat(64), "--state", state])).toMatchObject({ code: 2, out: "" });
    expect((await provost(["why", "abc", "--state", state])).err).toContain("there is no file");
  });

  test.each([
    ["garbage", Buffer.alloc(8192, 7)],
    ["a database that was cut off", Buffer.from("SQLite format 3\0")],
    ["nothing", Buffer.alloc(0)],
  ])("a state that is %s stops what needs it and nothing else", async (_name, bytes) => {
    const broken = fs.mkdtempSync(join(folder, "broken-"));
    fs.writeFileSync(join(broken, "agent.sqlite"), bytes);
    const needs = await provost(["inventory", "--state", broken]);
    expect([needs.code, needs.out]).toEqual([2, ""]);
    expect(needs.err).toMatch(/^STATE_UNUSABLE: /);
    const manages = await provost(["verify", tool, "--state", broken]);
    expect(manages.code).toBe(3);
    expect(manages.out).toContain("without the agent's state");
  });

  test("a reader that leaves early does not make a fault", async () => {
    const line = `"${process.execPath}" --disable-warning=ExperimentalWarning "${join(home, "agent/provost.ts")}" inventory --executables --state "${state}" | head -n 1; echo "\${PIPESTATUS[0]}"`;
    expect(execFileSync("bash", ["-c", line], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim()).toMatch(
      /\n0$/,
    );
  });
});

describe.skipIf(process.getuid?.() !== 0)("as an ordinary user", () => {
  const via = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  beforeAll(() => fs.chmodSync(folder, 0o755));

  test("a file this user may not read ends with 6 and says so", async () => {
    const secret = put("bin/secret", "#!/bin/sh\n", 0o700);
    const ran = await provost(["verify", secret, "--state", join(folder, "nowhere")], { via });
    expect(ran.code).toBe(6);
    expect(ran.out).toContain("this user may not read it");
  });

  test("the agent's state stays closed: verify says so and judges by the device alone, status ends with 6", async () => {
    const ran = await provost(["verify", tool, "--state", state], { via });
    expect(ran.code).toBe(3);
    expect(ran.out).toContain("without the agent's state");
    const status = await provost(["status", "--state", state], { via });
    expect(status).toMatchObject({ code: 6, out: "" });
    expect(status.err).toContain("this user may not read it");
  });

  test("a scan tells what it could not see and ends with 7", async () => {
    const closed = join(tree, "closed");
    fs.mkdirSync(closed, { mode: 0o700 });
    const own = join(folder, "own");
    fs.mkdirSync(own);
    fs.chownSync(own, 65534, 65534);
    const ran = await provost(["scan", tree, "--state", own, "--json"], { via });
    expect(ran.code).toBe(7);
    expect(lines(ran.out)[0]?.["blind"]).toContainEqual({
      what: "folders",
      count: 1,
      why: "this user may not read the folder",
    });
  });

  test("a scan whose state may not be written ends with 6", async () => {
    const ran = await provost(["scan", tree, "--state", join(folder, "root-only")], { via });
    expect(ran).toMatchObject({ code: 6, out: "" });
    expect(ran.err).toMatch(/^STATE_UNUSABLE: /);
  });
});
