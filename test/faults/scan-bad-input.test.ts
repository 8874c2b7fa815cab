import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { State } from "../../agent/state/state.ts";
import { openState } from "../../agent/state/state.ts";
import type { FileRow } from "../../agent/inventory/file-rows.ts";
import { runPass } from "../../agent/inventory/pass.ts";
import type { PassOptions } from "../../agent/inventory/pass.ts";

const scratch = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "provost-pass-")));
const home = process.cwd();
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

let tree: string;
let folder: string;
let state: State;
beforeEach(() => {
  const at = fs.mkdtempSync(join(scratch, "case-"));
  tree = join(at, "tree");
  folder = join(at, "state");
  fs.mkdirSync(tree);
  state = openState(folder);
});
afterEach(() => {
  state.close();
  process.chdir(home);
});

const pass = (more: Partial<PassOptions> = {}) =>
  runPass(state, {
    scope: "whole",
    folder,
    excluded: [],
    starts: [tree],
    progress: () => undefined,
    now: Date.now,
    ...more,
  });
const script = (name: string, text = "#!/bin/sh\n", mode = 0o755): string => {
  fs.writeFileSync(join(tree, name), text, { mode });
  return join(tree, name);
};
const rows = (): readonly (readonly [string, string])[] =>
  state
    .prepare<[string], FileRow>("SELECT * FROM files WHERE path LIKE ? ORDER BY path")
    .all(`${tree}/%`)
    .map((row) => [row.path.slice(tree.length + 1), row.unreadable ?? `${row.standing}: ${row.basis}`]);

test("each odd file has its own answer, and none stops the pass", async () => {
  script("plain");
  script("new\nline\u001b[31m");
  fs.writeFileSync(Buffer.concat([Buffer.from(`${tree}/bytes`), Buffer.from([0xff])]), "#!/bin/sh\n", { mode: 0o755 });
  fs.writeFileSync(join(tree, "cut-elf"), Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0]), { mode: 0o755 });
  fs.truncateSync(script("sparse"), 10 * 1024 ** 3);
  fs.symlinkSync("loop", join(tree, "loop"));
  spawnSync("mkfifo", [join(tree, "pipe")]);
  const started = performance.now();
  await pass();
  expect(performance.now() - started).toBeLessThan(30_000);
  expect(rows()).toEqual([
    ["bytes\\xff", "unproven: none"],
    ["new\\x0aline\\x1b[31m", "unproven: none"],
    ["plain", "unproven: none"],
    ["sparse", "it has 10737418240 bytes, more than the limit of 4294967296 for hashing"],
  ]);
});

test("what was over the limit is looked at again when the limit is raised", async () => {
  script("large", `#!/bin/sh\n${" ".repeat(5000)}`);
  await pass({ limits: { maxBytes: 1000, tries: 1 } });
  expect(rows()[0]?.[1]).toContain("more than the limit of 1000");
  await pass();
  expect(rows()).toEqual([["large", "unproven: none"]]);
});

describe("the memory of files that are no programs", () => {
  test.each([
    ["is cut off", (bytes: Buffer) => bytes.subarray(0, 100)],
    ["has one bit turned", (bytes: Buffer) => Buffer.from(bytes.map((byte, at) => (at === 5000 ? byte ^ 1 : byte)))],
    ["is something else", () => Buffer.from("#!/bin/sh\nrm -rf /\n")],
  ])("%s: it is ignored, and everything is found again", async (_name, damage) => {
    script("plain");
    fs.writeFileSync(join(tree, "data"), "no program");
    await pass();
    const path = join(folder, "seen.bin");
    fs.writeFileSync(path, damage(fs.readFileSync(path)));
    script("later");
    await pass();
    expect(rows().map(([name]) => name)).toEqual(["later", "plain"]);
  });
});

test("a pass below some folders forgets nothing that lies elsewhere", async () => {
  fs.mkdirSync(join(tree, "a"));
  fs.mkdirSync(join(tree, "b"));
  script("a/one");
  script("b/two");
  await pass();
  fs.rmSync(join(tree, "a/one"));
  fs.rmSync(join(tree, "b/two"));
  await pass({ starts: [join(tree, "b")] });
  expect(rows().map(([name]) => name)).toEqual(["a/one"]);
  await pass();
  expect(rows()).toEqual([]);
});

test.skipIf(process.getuid?.() !== 0)(
  "an ordinary user's pass names what it may not read; root's next pass reads it",
  async () => {
    state.close();
    fs.rmSync(folder, { recursive: true });
    script("secret", "#!/bin/sh\n", 0o700);
    script("open");
    fs.mkdirSync(join(tree, "closed"), { mode: 0o700 });
    for (const at of [scratch, join(tree, ".."), tree]) fs.chmodSync(at, 0o755);
    fs.mkdirSync(folder, { mode: 0o700 });
    fs.chownSync(folder, 65534, 65534);
    const program = `import { openState } from ${JSON.stringify(join(import.meta.dirname, "../../agent/state/state.ts"))};
    import { runPass } from ${JSON.stringify(join(import.meta.dirname, "../../agent/inventory/pass.ts"))};
    const [tree, folder] = process.argv.slice(1);
    const frame = await runPass(openState(folder), { scope: "whole", folder, excluded: [], starts: [tree], progress() {}, now: Date.now });
    console.log(JSON.stringify(frame.blind));`;
    const args = [
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
      process.execPath,
      "--input-type=module",
      "-e",
      program,
    ];
    const ran = spawnSync("setpriv", [...args, tree, folder], { encoding: "utf8" });
    expect(JSON.parse(ran.stdout)).toContainEqual({
      what: "folders",
      count: 1,
      why: "this user may not read the folder",
    });
    state = openState(folder);
    expect(rows()).toEqual([
      ["open", "unproven: none"],
      ["secret", "this user may not read it"],
    ]);
    await pass();
    expect(rows()).toEqual([
      ["open", "unproven: none"],
      ["secret", "unproven: none"],
    ]);
  },
);
