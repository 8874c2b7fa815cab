import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { argumentBytes, nameFile, nameFolder } from "./name-file.ts";

const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "provost-names-")));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
const odd = Buffer.concat([Buffer.from(`${folder}/b`), Buffer.from([0xff])]);
fs.writeFileSync(join(folder, "plain"), "x");
fs.writeFileSync(join(folder, "a\nb\u001b[31m"), "x");
fs.writeFileSync(odd, "x");
fs.symlinkSync("plain", join(folder, "link"));
fs.symlinkSync("loop-b", join(folder, "loop-a"));
fs.symlinkSync("loop-a", join(folder, "loop-b"));
fs.mkdirSync(join(folder, "folder"));
execFileSync("mkfifo", [join(folder, "fifo")]);

const look = (name: string | Buffer) => nameFile(Buffer.from(name), folder);

test.each<readonly [string, string | Buffer, string]>([
  ["a relative name", "plain", "/plain"],
  ["dots and slashes too many", "././/plain", "/plain"],
  ["a way up, which the kernel walks", "folder/../plain", "/plain"],
  ["a link", "link", "/plain"],
  ["a newline and an escape sequence", "a\nb\u001b[31m", "/a\\x0ab\\x1b[31m"],
  ["the same name as it was printed", "a\\x0ab\\x1b[31m", "/a\\x0ab\\x1b[31m"],
  ["bytes that are not UTF-8", odd, "/b\\xff"],
  ["those bytes as they were printed", "b\\xff", "/b\\xff"],
])("%s", (_name, argument, path) => {
  expect(look(argument)).toMatchObject({ ok: true, path: folder + path });
});

test("a link's own name is told beside the file's", () => {
  expect(look("link")).toMatchObject({ via: join(folder, "link") });
});

test.each([
  ["a missing file", "none", 2, "there is no file"],
  ["a name below a file", "plain/x", 2, "there is no file"],
  ["a folder", "folder", 2, "is a folder, not a regular file"],
  ["a named pipe, without waiting for a writer", "fifo", 2, "is a named pipe"],
  ["a device", "/dev/null", 2, "is a device"],
  ["links in a circle", "loop-a", 2, "lead in a circle"],
  ["a name longer than the kernel takes", "x".repeat(300), 2, "longer than the kernel takes"],
  ["an empty name", "", 2, "is a folder"],
  ["a zero byte", "a\0b", 2, "cannot be looked at"],
])("%s is refused with the reason", (_name, argument, exit, says) => {
  const named = look(argument);
  expect(named).toMatchObject({ ok: false, exit });
  expect(named.ok ? "" : named.says).toContain(says);
});

test("arguments that lost bytes in decoding are read from the kernel's copy", () => {
  const copy = Buffer.concat([Buffer.from("node\0provost\0verify\0"), odd, Buffer.from("\0plain\0")]);
  const decoded = [odd.toString(), "plain"];
  expect(argumentBytes(decoded, () => copy)).toEqual([odd, Buffer.from("plain")]);
});

test("a folder to scan is a folder", () => {
  expect(nameFolder(Buffer.from("folder/."), folder)).toBe(join(folder, "folder"));
  expect(() => nameFolder(Buffer.from("plain"), folder)).toThrow("is not a folder");
  expect(() => nameFolder(Buffer.from("none"), folder)).toThrow("there is no file");
});
