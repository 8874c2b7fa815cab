import { expect, test } from "vitest";
import { refusesAddress, refusesUrl } from "./address-guard.ts";

test.each([
  ["http://archive.example.org/debian", true],
  ["https://packages.example.com/apt", true],
  ["http://8.8.8.8/", true],
  ["http://[2a00:1450::1]/", true],
  ["file:///etc/passwd", false],
  ["ftp://archive.example.org/", false],
  ["http://user@archive.example.org/", false],
  ["http://:secret@archive.example.org/", false],
  ["http://localhost/", false],
  ["http://metadata.google.internal/", false],
  ["http://127.0.0.1:8080/", false],
  ["http://0x7f.1/", false],
  ["http://2130706433/", false],
  ["http://[::1]/", false],
  ["http://[::ffff:10.0.0.1]/", false],
  ["http://[64:ff9b::a00:1]/", false],
  ["http://[2002:7f00:1::]/", false],
  ["http://169.254.169.254/latest/meta-data", false],
  ["http://192.168.1.1/", false],
  ["http://[fe80::1]/", false],
])("a device may name %s: %s", (url, allowed) => {
  expect(refusesUrl(new URL(url), false) === undefined).toBe(allowed);
});

test("the owner may allow private archives, but never another scheme", () => {
  expect(refusesUrl(new URL("http://10.0.0.5/debian"), true)).toBeUndefined();
  expect(refusesUrl(new URL("file:///etc/passwd"), true)).toMatch(/scheme/);
});

test("what is no address is refused", () => {
  expect(refusesAddress("example.org", false)).toMatch(/no address/);
});
