import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { IndicatorSet } from "./indicator-set.ts";

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

test("each digest is found with its source, and no other is", () => {
  const set = new IndicatorSet();
  const [first, second] = [set.source("first"), set.source("second")];
  for (let n = 0; n < 5000; n += 1) set.addDigest(digest(`bad ${n}`), n % 2 === 0 ? first : second);
  set.addDigest(digest("bad 0"), second);
  expect(set.size).toBe(5000);
  for (let n = 0; n < 5000; n += 1)
    expect(set.digest(digest(`bad ${n}`))).toEqual({
      indicator: digest(`bad ${n}`),
      source: n % 2 === 0 ? "first" : "second",
    });
  for (let n = 0; n < 5000; n += 1) expect(set.digest(digest(`good ${n}`))).toBeUndefined();
});

test("digests that begin alike are told apart", () => {
  const set = new IndicatorSet();
  const alike = (last: string): string => `${"0".repeat(31)}${last}${"f".repeat(32)}`;
  set.addDigest(alike("1"), set.source("one"));
  expect(set.digest(alike("1"))?.source).toBe("one");
  expect(set.digest(alike("2"))).toBeUndefined();
  expect(set.digest("0".repeat(64))).toBeUndefined();
});

test.each([
  ["192.0.2.7", "192.0.2.7", "192.0.2.7"],
  ["192.0.2.7", "::ffff:192.0.2.7", "::ffff:192.0.2.7"],
  ["198.51.100.0/24", "198.51.100.200", "198.51.100.0/24"],
  ["2001:db8::/32", "2001:db8::1", "2001:db8::/32"],
  ["2001:DB8::5", "2001:db8::5", "2001:db8::5"],
])("%s lists %s", (listed, met, indicator) => {
  const set = new IndicatorSet();
  expect(set.addAddress(listed, set.source("feed"))).toBe(true);
  expect(set.address(met)).toEqual({ indicator, source: "feed" });
  expect(set.address("203.0.113.1")).toBeUndefined();
  expect(set.address("no address")).toBeUndefined();
});

test.each(["evil.example", "192.0.2.0/33", "192.0.2.0/x", "fe80::1%eth0", "1.2.3", "192.0.2.0/24/8", ""])(
  "%j is no address",
  (text) => {
    const set = new IndicatorSet();
    expect(set.addAddress(text, set.source("feed"))).toBe(false);
    expect(set.size).toBe(0);
  },
);
