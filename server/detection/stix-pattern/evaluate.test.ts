import { describe, expect, test } from "vitest";
import { matchPattern } from "./evaluate.ts";

interface Seen {
  readonly at: number;
  readonly until?: number;
  readonly count?: number;
  readonly objects: readonly Readonly<Record<string, unknown>>[];
}

const time = (second: number): string => new Date(Date.UTC(2026, 10, 26) + second * 1000).toISOString();

function bundle(...seen: readonly Seen[]): readonly unknown[] {
  const objects = seen.flatMap(({ at, until = at, count = 1, objects }, number) => {
    const named = objects.map((object, part) => ({ id: `o${number}-${part}`, ...object }));
    const refs = named.map(({ id }) => id);
    const observed = {
      type: "observed-data",
      id: `seen-${number}`,
      first_observed: time(at),
      last_observed: time(until),
      number_observed: count,
      object_refs: refs,
    };
    return [observed, ...named];
  });
  return [{ type: "bundle", id: "bundle--1", objects }];
}

const file = (name: string, more: Readonly<Record<string, unknown>> = {}) => ({ type: "file", name, ...more });
const at = (second: number, ...names: readonly string[]): Seen => ({
  at: second,
  objects: names.map((name) => file(name)),
});

const found = (pattern: string, seen: readonly unknown[]): string => {
  const result = matchPattern(pattern, seen);
  return result.kind === "match" ? result.observations.join(" ") : result.kind;
};

describe("comparisons", () => {
  const seen = bundle({
    at: 0,
    objects: [
      file("évil", {
        hashes: { "SHA-256": "ab", MD5: "cd" },
        size: 5,
        parts: [{ n: 1 }, { n: 2 }],
        payload_bin: "AAECAw==",
      }),
      { type: "ipv6-addr", value: "2001:db8::1" },
    ],
  });
  test.each([
    ["[file:hashes.'SHA-256' = 'ab']", "seen-0"],
    ["[file:hashes.MD5 == 'cd' AND file:size > 4]", "seen-0"],
    ["[file:hashes.MD5 <> 'cd']", "no-match"],
    ["[file:parts[1].n = 2]", "seen-0"],
    ["[file:parts[0].n = 2]", "no-match"],
    ["[file:parts[*].n = 2]", "seen-0"],
    ["[file:parts[9].n = 2]", "no-match"],
    ["[file:name = 'e\u0301vil']", "seen-0"],
    ["[file:payload_bin = h'00010203']", "seen-0"],
    ["[file:payload_bin MATCHES '\\\\x02']", "seen-0"],
    ["[ipv6-addr:value ISSUBSET '2001:db8::/32']", "seen-0"],
    ["[ipv6-addr:value ISSUBSET '2001:db9::/32']", "no-match"],
    ["[EXISTS file:size]", "seen-0"],
    ["[EXISTS file:gone]", "no-match"],
    ["[NOT EXISTS file:gone]", "seen-0"],
    ["[file:gone NOT = 'x']", "no-match"],
    ["[file:constructor != 'x']", "no-match"],
    ["[file:size = 5 AND ipv6-addr:value = '2001:db8::1']", "no-match"],
    ["[file:name LIKE '_vi%']", "seen-0"],
    ["[file:name LIKE 'VI%']", "no-match"],
  ])("%s: %s", (pattern, wanted) => {
    expect(found(pattern, seen)).toBe(wanted);
  });
});

describe("observations", () => {
  test("one observation is one part of a pattern, unless it was seen more often", () => {
    expect(found("[file:name = 'a'] AND [file:name = 'a']", bundle(at(0, "a")))).toBe("no-match");
    expect(found("[file:name = 'a'] AND [file:name = 'a']", bundle({ ...at(0, "a"), count: 2 }))).toBe("seen-0");
    expect(found("[file:name = 'a'] REPEATS 3 TIMES", bundle({ ...at(0, "a"), count: 2 }, at(9, "a")))).toBe(
      "seen-0 seen-1",
    );
  });

  test("FOLLOWEDBY minds the time; an observation that lasted can stand for any moment of it", () => {
    const pattern = "[file:name = 'a'] FOLLOWEDBY [file:name = 'b']";
    expect(found(pattern, bundle(at(0, "a"), at(1, "b")))).toBe("seen-0 seen-1");
    expect(found(pattern, bundle(at(1, "a"), at(0, "b")))).toBe("no-match");
    expect(found(pattern, bundle(at(1, "a"), { ...at(0, "b"), until: 2 }))).toBe("seen-0 seen-1");
  });

  test("WITHIN leaves out what is too far apart and finds what is not", () => {
    const seen = bundle(at(0, "a"), at(100, "a"), at(101, "a"), at(300, "a"));
    expect(found("[file:name = 'a'] REPEATS 2 TIMES WITHIN 5 SECONDS", seen)).toBe("seen-1 seen-2");
    expect(found("[file:name = 'a'] REPEATS 3 TIMES WITHIN 5 SECONDS", seen)).toBe("no-match");
  });
});

describe("what would take too long ends", () => {
  const many = bundle(...Array.from({ length: 60 }, (_, second) => at(second, "a", "b")));

  test("where the window rules most ways out, with an answer", () => {
    expect(found("[file:name = 'a'] REPEATS 10 TIMES WITHIN 8 SECONDS", many)).toBe("no-match");
  });

  test("else by saying so", () => {
    const result = matchPattern("([file:name = 'a'] AND [file:name = 'b']) REPEATS 25 TIMES WITHIN 20 SECONDS", many);
    expect(result).toEqual({
      kind: "error",
      why: "there are too many ways in which these observations could fit the pattern",
    });
  });

  test("thousands of alternatives are looked at one by one", () => {
    const names = Array.from({ length: 3000 }, (_, number) => `file:name = 'x${number}'`);
    expect(found(`[${[...names, "file:name = 'a'"].join(" OR ")}]`, many)).toBe("seen-0");
    expect(
      found(
        names
          .slice(0, 2000)
          .map((one) => `[${one}]`)
          .join(" OR "),
        many,
      ),
    ).toBe("no-match");
  });

  test("references that lead in circles are followed to nothing new", () => {
    const friends = Array.from({ length: 10 }, (_, number) =>
      file("a", { id: `f${number}`, knows_refs: Array.from({ length: 10 }, (__, to) => `f${to}`) }),
    );
    const path = Array.from({ length: 12 }, () => "knows_refs[*]").join(".");
    expect(found(`[file:${path}.name = 'b']`, bundle({ at: 0, objects: friends }))).toBe("no-match");
    expect(found(`[file:${path}.name = 'a']`, bundle({ at: 0, objects: friends }))).toBe("seen-0");
  });

  test("also a regular expression that was made to be slow", () => {
    const slow = bundle({ at: 0, objects: [file(`${"a".repeat(30_000)}!`)] });
    expect(found("[file:name MATCHES '^(a+)+$']", slow)).toBe("no-match");
  });
});

describe("patterns that cannot be read say where", () => {
  test.each<[string, string, RegExp]>([
    ["nothing", "", /\[ is missing/],
    ["[file:name = 'a'", "[file:name = 'a'", /\] is missing/],
    ["[file:name = 'a'] extra", "[file:name = 'a'] extra", /should end here/],
    ["[file:name = 'a\\b']", "[file:name = 'a\\b']", /nothing begins with/],
    ["[file:name = h'0']", "[file:name = h'0']", /pairs of hexadecimal digits/],
    ["[file:name = b'a']", "[file:name = b'a']", /base64/],
    ["[file:name = t'2026-02-31T00:00:00Z']", "[file:name = t'2026-02-31T00:00:00Z']", /a time such as/],
    ["[file:name MATCHES '(a)\\\\1']", "[file:name MATCHES '(a)\\\\1']", /cannot be used/],
    ["[file:a-b = 1]", "[file:a-b = 1]", /needs quotes/],
    ["[file:name[x] = 1]", "[file:name[x] = 1]", /an index/],
    ["[NOT file:name = 1]", "[NOT file:name = 1]", /NOT stands behind/],
    ["[file:name = 'a'] REPEATS 0 TIMES", "[file:name = 'a'] REPEATS 0 TIMES", /whole number/],
    ["[file:name = 'a'] REPEATS 99999 TIMES", "[file:name = 'a'] REPEATS 99999 TIMES", /whole number/],
    ["[file:name = 'a'] within 5 SECONDS", "[file:name = 'a'] within 5 SECONDS", /should end here/],
    [
      "a hundred together",
      Array.from({ length: 100 }, () => "[file:name = 'a']").join(" AND "),
      /more than 64 observations together/,
    ],
    ["a hundred brackets", `${"(".repeat(100)}[file:name = 'a']${")".repeat(100)}`, /nests deeper/],
    ["a long one", `[file:name = '${"x".repeat(300_000)}']`, /longer than/],
  ])("%s", (_name, pattern, why) => {
    const result = matchPattern(pattern, bundle(at(0, "a")));
    expect(result.kind === "error" ? result.why : result.kind).toMatch(why);
  });

  test("so does what was observed", () => {
    expect(matchPattern("[file:name = 'a']", [{ type: "report" }])).toMatchObject({ kind: "error" });
    const broken = [{ type: "bundle", objects: [{ type: "observed-data", id: "x", first_observed: "yesterday" }] }];
    expect(matchPattern("[file:name = 'a']", broken)).toEqual({
      kind: "error",
      why: "x is no observed-data of STIX 2.1",
    });
  });
});
