import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { followIndicators } from "./follow-indicators.ts";
import type { IndicatorSet } from "./indicator-set.ts";
import { readIndicators } from "./read-indicators.ts";

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-intel-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);

test("a list is one indicator a line, and what cannot be matched is counted", async () => {
  write(
    "feed.csv",
    `# digests\r\n"${digest("a").toUpperCase()}","first seen"\r\n${digest("b")} ; said so\n\n; nothing\n192.0.2.1,c2\n198.51.100.0/24\nevil.example\nd41d8cd98f00b204e9800998ecf8427e\n`,
  );
  write(".hidden", `${digest("hidden")}\n`);
  mkdirSync(join(folder, "below"));
  const { set, unmatched, problems } = await readIndicators([folder], 0);
  expect({ size: set.size, unmatched, problems }).toEqual({ size: 5, unmatched: 1, problems: [] });
  expect(set.digest(digest("a"))).toEqual({ indicator: digest("a"), source: "feed.csv" });
  expect(set.digest(digest("hidden"))).toBeUndefined();
  expect(set.address("198.51.100.9")?.indicator).toBe("198.51.100.0/24");
});

const indicator = (pattern: string, more: object = {}) => ({
  type: "indicator",
  pattern,
  pattern_type: "stix",
  ...more,
});

test("of a STIX bundle what one thing is enough for counts, what was revoked or has ended does not", async () => {
  const objects = [
    indicator(`[file:hashes.'SHA-256' = '${digest("a")}' OR file:hashes.'SHA-256' IN ('${digest("b")}')]`),
    indicator("[ipv4-addr:value = '192.0.2.1'] OR [ipv6-addr:value = '2001:db8::1']"),
    indicator(`[file:hashes.'SHA-256' = '${digest("c")}' AND file:name = 'x']`),
    indicator(`[file:hashes.'SHA-256' != '${digest("d")}']`),
    indicator("[domain-name:value = 'evil.example']"),
    indicator("[this is no pattern"),
    indicator(`[file:hashes.'SHA-256' = '${digest("e")}']`, { revoked: true }),
    indicator(`[file:hashes.'SHA-256' = '${digest("f")}']`, { valid_until: "2026-01-01T00:00:00Z" }),
    { type: "malware", name: "x" },
    undefined,
    7,
  ];
  write("bundle.json", JSON.stringify({ type: "bundle", objects }));
  const { set, unmatched, problems } = await readIndicators([folder], Date.parse("2026-06-01T00:00:00Z"));
  expect({ size: set.size, unmatched, problems }).toEqual({ size: 5, unmatched: 3, problems: [] });
  expect(set.host("www.evil.example")).toEqual({ indicator: "evil.example", source: "bundle.json" });
  for (const name of ["c", "d", "e", "f"]) expect(set.digest(digest(name))).toBeUndefined();
});

test("a file that cannot be read costs no other one", async () => {
  write("a.json", "{");
  write("b.json", "[]");
  write("c.txt", digest("c"));
  const { set, problems } = await readIndicators([folder], 0);
  expect(set.digest(digest("c"))?.source).toBe("c.txt");
  expect(problems).toMatchObject([expect.stringMatching(/^a\.json: /), expect.stringMatching(/^b\.json: .*bundle/)]);
  await expect(readIndicators([join(folder, "missing")], 0)).rejects.toThrow(/ENOENT/);
});

test("the folder is read again when it changes; one in which nothing can be matched leaves what was there", async () => {
  const sets: IndicatorSet[] = [];
  const lines: string[] = [];
  write("feed", digest("a"));
  const stop = followIndicators(
    [folder],
    (set) => sets.push(set),
    (line) => lines.push(line),
    () => 0,
    5,
  );
  try {
    await expect.poll(() => sets.length).toBe(1);
    write("feed", digest("b"));
    await expect.poll(() => sets.length).toBe(2);
    expect(sets[1]?.digest(digest("b"))).toBeDefined();
    write("feed", "d41d8cd98f00b204e9800998ecf8427e");
    await expect.poll(() => lines.at(-1)).toMatch(/nothing in .* can be matched; what was known stays/);
    rmSync(folder, { recursive: true });
    await expect.poll(() => lines.at(-1)).toMatch(/ENOENT.*what was known stays/);
    expect(sets).toHaveLength(2);
  } finally {
    stop();
  }
});

test("a long list whose last line has no end is read whole", async () => {
  const line = (n: number): string => `${digest(`${n}`)}\n`;
  write("big", Array.from({ length: 100_000 }, (_unused, n) => line(n)).join("") + "x".repeat(1 << 20));
  const { set, unmatched } = await readIndicators([folder], 0);
  expect([set.size, unmatched]).toEqual([100_000, 1]);
  expect(set.digest(digest("99999"))?.source).toBe("big");
});

test("names of hosts, URLs and package URLs are read from lists, and from files that send names to nowhere", async () => {
  write(
    "names",
    "*.Wild.example\nevil.example # said so\nhttps://good.example/bad.sh,2026\npkg:npm/%40scope/evil@1.0.1\npkg:npm/whole\npkg:golang/x@1\n",
  );
  write("hosts", "127.0.0.1 localhost\n0.0.0.0 tracked.example\n::1 six.example\n0.0.0.0\n");
  const { set, unmatched } = await readIndicators([folder], 0);
  expect(set.host("a.wild.example")).toEqual({ indicator: "wild.example", source: "names" });
  expect(set.host("evil.example.")).toEqual({ indicator: "evil.example", source: "names" });
  expect([set.host("notevil.example"), set.host("good.example"), set.host("example")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(set.url("https://good.example/bad.sh")).toEqual({ indicator: "https://good.example/bad.sh", source: "names" });
  expect(set.url("https://good.example/other")).toBeUndefined();
  expect(set.package("npm", "@scope/evil", "1.0.1")?.source).toBe("names");
  expect([set.host("x.tracked.example")?.source, set.host("six.example")?.source]).toEqual(["hosts", "hosts"]);
  // Nobody's own address is listed by a file that blocks names.
  expect([set.address("127.0.0.1"), set.address("::1")]).toEqual([undefined, undefined]);
  expect(unmatched).toBe(3);
});
