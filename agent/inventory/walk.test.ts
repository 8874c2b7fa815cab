import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { walk } from "./walk.ts";

const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "provost-walk-")));
const home = process.cwd();
afterEach(() => process.chdir(home));
afterAll(() => execFileSync("rm", ["-rf", folder]));

interface Met {
  readonly files: readonly string[];
  readonly blind: readonly string[];
}

function met(
  start: string,
  options: { readonly skip?: readonly string[]; readonly excluded?: readonly string[] } = {},
): Met {
  const files: string[] = [];
  const blind: string[] = [];
  walk(
    { starts: [start], skip: new Set(options.skip), blind: [] },
    {
      file: (at, name, open) => {
        fs.closeSync(fs.openSync(open, "r"));
        files.push(`${at}/${name}`.slice(start.length));
      },
      folder: () => true,
      blind: (path, why) => blind.push(`${path.length > 300 ? "(long)" : path.slice(start.length)}: ${why}`),
    },
    new Set(options.excluded),
  );
  return { files: files.toSorted(), blind };
}

const make = (name: string): string => {
  const path = join(folder, name);
  fs.mkdirSync(path, { recursive: true });
  return path;
};

test("regular files only: no pipe, socket, device or link, however the links lead", async () => {
  const at = make("kinds");
  fs.writeFileSync(join(at, "file"), "");
  execFileSync("mkfifo", [join(at, "pipe")]);
  fs.symlinkSync("file", join(at, "link"));
  fs.symlinkSync(".", join(at, "itself"));
  fs.symlinkSync("loop-b", join(at, "loop-a"));
  fs.symlinkSync("loop-a", join(at, "loop-b"));
  fs.symlinkSync("/", join(at, "everything"));
  spawnSync("mknod", [join(at, "device"), "c", "1", "3"]);
  const server = createServer().listen(join(at, "socket"));
  await new Promise((resolve) => server.once("listening", resolve));
  expect(met(at)).toEqual({ files: ["/file"], blind: [] });
  await new Promise((resolve) => server.close(resolve));
});

test("names of any bytes are met under their path text, in folders of any bytes, and open", () => {
  const at = make("names");
  const odd = Buffer.concat([Buffer.from(`${at}/`), Buffer.from([0xff, 0xfe])]);
  fs.mkdirSync(odd);
  for (const name of ["plain", "a\nb", "\u001b[2J", "back\\slash", "\u202egnp", "space here"])
    for (const parent of [Buffer.from(at), odd]) fs.writeFileSync(Buffer.concat([parent, Buffer.from(`/${name}`)]), "");
  const names = ["plain", "a\\x0ab", "\\x1b[2J", "back\\x5cslash", "\\xe2\\x80\\xaegnp", "space here"];
  const wanted = names.flatMap((name) => [`/${name}`, `/\\xff\\xfe/${name}`]);
  expect(met(at)).toEqual({ files: wanted.toSorted(), blind: [] });
  expect(met(`${at}/\\xff\\xfe`).files).toEqual(names.map((name) => `/${name}`).toSorted());
});

test.each([
  ["of plain names", "d".repeat(200)],
  ["of names that are not plain text", `${"d".repeat(200)}\u0001`],
])("a folder deeper than PATH_MAX %s is told as not seen, and the walk ends", (_name, text) => {
  const at = make(`deep-${text.length}`);
  // Step by step: no system call takes the whole path.
  process.chdir(at);
  for (let level = 0; level < 30; level += 1) {
    fs.mkdirSync(text);
    process.chdir(text);
    fs.writeFileSync("file", "");
  }
  const { files, blind } = met(at);
  expect(files.length).toBeGreaterThan(15);
  expect(files.length).toBeLessThan(30);
  expect(blind).toContain("(long): its path is longer than the kernel takes");
});

test("what is skipped or excluded is not entered", () => {
  const at = make("left-out");
  for (const name of ["in", "skipped", "excluded"]) fs.writeFileSync(join(make(`left-out/${name}`), "file"), "");
  expect(met(at, { skip: [`${at}/skipped`], excluded: [`${at}/excluded`] }).files).toEqual(["/in/file"]);
});

test("a start that is gone or is a file is nothing", () => {
  expect(met(join(folder, "none"))).toEqual({ files: [], blind: [] });
  fs.writeFileSync(join(folder, "a-file"), "");
  expect(met(join(folder, "a-file"))).toEqual({ files: [], blind: [] });
});

test.skipIf(process.getuid?.() !== 0)(
  "folders that may not be read or not be searched are told, and the rest is seen",
  () => {
    const at = make("closed");
    fs.chmodSync(folder, 0o755);
    for (const [name, mode] of [
      ["none", 0o000],
      ["list-only", 0o744],
      ["open", 0o755],
    ] as const) {
      const inner = make(`closed/${name}`);
      fs.writeFileSync(join(inner, "file"), "");
      fs.writeFileSync(Buffer.concat([Buffer.from(`${inner}/`), Buffer.from([0xff])]), "");
      fs.chmodSync(inner, mode);
    }
    const program = `import { walk } from ${JSON.stringify(join(import.meta.dirname, "walk.ts"))};
    const told = [];
    walk({ starts: [process.argv[1]], skip: new Set(), blind: [] }, {
      file: (at, name) => told.push(at.slice(process.argv[1].length) + "/" + name),
      folder: () => true,
      blind: (path, why) => told.push(path.slice(process.argv[1].length) + ": " + why) });
    console.log(JSON.stringify(told.sort()));`;
    const args = [
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
      process.execPath,
      "--input-type=module",
      "-e",
      program,
      at,
    ];
    const ran = spawnSync("setpriv", args, { encoding: "utf8" });
    const told = JSON.parse(ran.stdout) as string[];
    expect([...new Set(told)]).toEqual([
      "/list-only: this user may not read the folder",
      "/none: this user may not read the folder",
      "/open/\\xff",
      "/open/file",
    ]);
  },
);
