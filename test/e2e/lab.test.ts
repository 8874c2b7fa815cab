import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";

const top = join(import.meta.dirname, "../..");
const cannot =
  process.getuid?.() !== 0
    ? "it needs root"
    : ["/sbin/mkfs.ext4", "/usr/bin/setsid", "/sys/fs/cgroup"].some((path) => !existsSync(path))
      ? "it needs Linux with control groups, and e2fsprogs"
      : undefined;
if (cannot !== undefined) process.stderr.write(`the lab is left out: ${cannot}\n`);

describe.skipIf(cannot !== undefined)("provost lab run", () => {
  const folder = mkdtempSync(join(tmpdir(), "provost-lab-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(folder, "script.sh");
  const lab = (words: readonly string[]) =>
    promisify(execFile)(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", join(top, "agent/provost.ts"), "lab", "run", ...words],
      { cwd: folder },
    );
  const labs = () => readdirSync(tmpdir()).filter((name) => /^provost-lab-\w{6}$/.test(name));

  test("says what was seen, recognised and done, and leaves nothing behind", async () => {
    const before = labs();
    mkdirSync(join(folder, "with"), { recursive: true });
    writeFileSync(join(folder, "with/note"), "from outside\n");
    writeFileSync(
      script,
      "cat /lab/files/note; cat /bin/true >/tmp/new; echo more >>/tmp/new; chmod +x /tmp/new; /tmp/new; exit 7\n",
    );
    const { stdout } = await lab(["--script", "script.sh", "--files", "with", "--log", "events", "--json"]);
    const told = JSON.parse(stdout) as Record<string, unknown>;
    expect(told).toMatchObject({
      exit: 7,
      lost: 0,
      output: "from outside\n",
      findings: [{ rule: "provost.drop-and-execute", severity: "medium", technique: ["T1105", "T1204.002"] }],
      incidents: [{ severity: "medium", state: "open" }],
      commands: [],
    });
    const events = readFileSync(join(folder, "events"), "utf8").trimEnd().split("\n");
    expect(events).toHaveLength(told["events"] as number);
    const times = events.map((line) => (JSON.parse(line) as { at: number }).at);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(labs()).toEqual(before);
  });

  test("a script that was dropped and has ended at once is recognised as itself", async () => {
    const text = "#!/bin/sh\\necho dropped\\n";
    writeFileSync(script, `cat /lab/files/note; printf '${text}' >/tmp/new; chmod +x /tmp/new; sleep 1; /tmp/new\n`);
    mkdirSync(join(folder, "with"), { recursive: true });
    writeFileSync(join(folder, "with/note"), "from outside\n");
    const { stdout } = await lab(["--script", "script.sh", "--files", "with", "--json"]);
    const sha256 = createHash("sha256").update("#!/bin/sh\necho dropped\n").digest("hex");
    expect(JSON.parse(stdout)).toMatchObject({
      exit: 0,
      output: "from outside\ndropped\n",
      findings: [{ rule: "provost.drop-and-execute", subject: { kind: "file", sha256 } }],
    });
  });

  test("what would isolate the device meets a network of its own", async () => {
    const tables = () => spawnSync("nft", ["list", "tables"], { encoding: "utf8" }).stdout;
    const before = tables();
    writeFileSync(script, "cat /proc/net/dev | wc -l; cat /proc/net/route | wc -l\n");
    const { stdout } = await lab(["--script", script, "--json"]);
    // Two lines of heading and loopback; no way out.
    expect(JSON.parse(stdout)).toMatchObject({ exit: 0, output: "3\n1\n" });
    expect(tables()).toBe(before);
  });

  test.each([
    [["--script", "missing.sh"], /there is no script .*missing\.sh/],
    [["--script", "script.sh", "--files", "missing"], /there is no folder .*missing/],
    [["--script", "script.sh", "--root", "missing"], /there is no folder .*missing/],
    [["--script", "script.sh", "--minutes", "0"], /number of minutes up to 60/],
    [["--script", "script.sh", "--rules", "missing"], /there is no folder .*missing/],
    [["--script", "script.sh", "--policy", "missing"], /policy .*missing/],
    [["--script", "script.sh", "--policy", "script.sh"], /policy .*script\.sh/],
  ])("with %j it says what is wrong", async (words, message) => {
    writeFileSync(script, "true\n");
    const before = labs();
    await expect(lab(words)).rejects.toMatchObject({ stderr: expect.stringMatching(message) as string });
    expect(labs()).toEqual(before);
  });
});
