import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { hashFile, sameIdentity, identityOf } from "./hash.ts";

const folder = fs.mkdtempSync(join(tmpdir(), "provost-hash-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
const put = (name: string, content: string | Uint8Array): string => {
  fs.writeFileSync(join(folder, name), content);
  return join(folder, name);
};

test.each([0, 1, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1])("a file of %d bytes", (size) => {
  const bytes = Buffer.alloc(size, "provost");
  const path = put("sized", bytes);
  const hashed = hashFile(path, new Set(["md5", "sha512", "sha256"]));
  expect(hashed).toMatchObject({ ok: true, bytes: size, sha256: createHash("sha256").update(bytes).digest("hex") });
  expect(hashed.ok && [...hashed.others]).toEqual([
    ["md5", createHash("md5").update(bytes).digest("hex")],
    ["sha512", createHash("sha512").update(bytes).digest("hex")],
  ]);
  expect(hashed.ok && sameIdentity(hashed.identity, identityOf(fs.statSync(path)))).toBe(true);
});

test("a sparse file of 10 GB is over the limit and is not read", () => {
  const path = put("sparse", "");
  fs.truncateSync(path, 10 * 1024 ** 3);
  const started = performance.now();
  expect(hashFile(path, new Set())).toEqual({
    ok: false,
    why: "it has 10737418240 bytes, more than the limit of 4294967296 for hashing",
  });
  expect(performance.now() - started).toBeLessThan(1000);
});

test("a file that another process keeps writing is given up after the named number of tries", async () => {
  const path = put("busy", Buffer.alloc(32 * 1024 * 1024));
  const program =
    "const fs=require('fs');const f=fs.openSync(process.argv[1],'r+');process.stdout.write('go');for(;;)fs.writeSync(f,'x',0)";
  const writer = spawn(process.execPath, ["-e", program, path], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    await new Promise((resolve) => writer.stdout.once("data", resolve));
    expect(hashFile(path, new Set())).toEqual({ ok: false, why: "it kept changing while it was being read" });
  } finally {
    writer.kill("SIGKILL");
    await new Promise((resolve) => writer.once("exit", resolve));
  }
  expect(hashFile(path, new Set())).toMatchObject({ ok: true });
});

test.each([
  ["a missing file", "none", "it is gone"],
  ["a folder", ".", "it is not a regular file"],
  ["a device", "/dev/zero", "it is not a regular file"],
  ["a file of the kernel that has no size", "/proc/self/stat", "it kept changing while it was being read"],
])("%s has a reason and no digest", (_name, name, why) => {
  expect(hashFile(name.startsWith("/") ? name : join(folder, name), new Set())).toEqual({ ok: false, why });
});

test("links in a circle have a reason and no digest", () => {
  fs.symlinkSync("b", join(folder, "a"));
  fs.symlinkSync("a", join(folder, "b"));
  expect(hashFile(join(folder, "a"), new Set())).toEqual({ ok: false, why: "symbolic links lead in a circle" });
});

test("a name of any bytes is opened by its bytes", () => {
  const name = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0x0a, 0x1b])]);
  fs.writeFileSync(name, "x");
  expect(hashFile(name, new Set())).toMatchObject({ ok: true, bytes: 1 });
});
