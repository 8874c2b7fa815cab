import { describe, expect, test } from "vitest";
import type { FieldValue } from "../rule.ts";
import { fault, holds, ruleText } from "../../../test/support/sigma.ts";

type Fields = Readonly<Record<string, FieldValue>>;
const one = (line: string): string => `s:\n  ${line}\ncondition: s`;

describe("texts", () => {
  test.each<[string, string, Fields, boolean]>([
    ["whole, whatever the case", "F: Abc", { F: "aBC" }, true],
    ["no part of it", "F: abc", { F: "abcd" }, false],
    ["any of a list", "F: [a, b]", { F: "b" }, true],
    ["wildcards", "F: '/etc/*.d/?x'", { F: "/etc/a/b.d/1X" }, true],
    ["contains", "F|contains: bc", { F: "abcd" }, true],
    ["contains, with a wildcard inside", "F|contains: 'b*d'", { F: "abcde" }, true],
    ["startswith", "F|startswith: ab", { F: "abc" }, true],
    ["startswith means the start", "F|startswith: bc", { F: "abc" }, false],
    ["endswith", "F|endswith: bc", { F: "abc" }, true],
    ["endswith means the end", "F|endswith: ab", { F: "abc" }, false],
    ["all of them", "F|contains|all: [a, c]", { F: "abc" }, true],
    ["all, one missing", "F|contains|all: [a, x]", { F: "abc" }, false],
    ["cased", "F|cased: Abc", { F: "abc" }, false],
    ["cased, and the same", "F|contains|cased: Ab", { F: "xAbc" }, true],
    ["an empty text", "F: ''", { F: "" }, true],
    ["an empty text is not nothing", "F: ''", {}, false],
    ["a star is any text", "F: '*'", { F: "" }, true],
    ["a star is not nothing", "F: '*'", {}, false],
    ["one of several values of a field", "F: b", { F: ["a", "b"] }, true],
    ["a number as text", "F|contains: 77", { F: "1777" }, true],
  ])("%s", (_name, line, fields, wanted) => {
    expect(holds(one(line), fields)).toBe(wanted);
  });
});

describe("numbers, booleans, nothing", () => {
  test.each<[string, string, Fields, boolean]>([
    ["a number and its text", "F: 517", { F: "517" }, true],
    ["a number and a number", "F: 517", { F: 517 }, true],
    ["as it is spelled", "F: 0755", { F: "0755" }, true],
    ["a hexadecimal number, as written", "F: 0x10", { F: "0x10" }, true],
    ["a hexadecimal number, as it is", "F: 0x10", { F: 16 }, true],
    ["no prefix of a number", "F: 5", { F: "51" }, false],
    ["true", "F: true", { F: "True" }, true],
    ["a text that says true", "F: 'true'", { F: true }, true],
    ["null and missing", "F: null", {}, true],
    ["null and null", "F:", { F: null }, true],
    ["null and something", "F: null", { F: "" }, false],
    ["lt", "F|lt: 10", { F: "9.5" }, true],
    ["lt is less", "F|lt: 10", { F: 10 }, false],
    ["lte", "F|lte: 10", { F: 10 }, true],
    ["gt", "F|gt: 10", { F: "11" }, true],
    ["gte", "F|gte: '10'", { F: "10" }, true],
    ["what is no number compares with nothing", "F|gte: 0", { F: "many" }, false],
    ["an empty text is no zero", "F|gte: 0", { F: "" }, false],
    ["exists", "F|exists: true", { F: null }, true],
    ["exists, and does not", "F|exists: true", {}, false],
    ["does not exist", "F|exists: 'false'", {}, true],
    ["neq", "F|neq: a", { F: "b" }, true],
    ["neq, and it is", "F|neq: [a, b]", { F: "B" }, false],
    ["neq with a place", "F|contains|neq: b", { F: "abc" }, false],
  ])("%s", (_name, line, fields, wanted) => {
    expect(holds(one(line), fields)).toBe(wanted);
  });
});

describe("encodings", () => {
  const inside = (text: string, before: string): string => Buffer.from(`${before}${text}zzz`).toString("base64");
  test.each<[string, string, Fields, boolean]>([
    ["base64", "F|base64: foobar", { F: "Zm9vYmFy" }, true],
    ["base64offset, at 0", "F|base64offset|contains: /bin/bash", { F: inside("/bin/bash", "") }, true],
    ["base64offset, at 1", "F|base64offset|contains: /bin/bash", { F: inside("/bin/bash", "x") }, true],
    ["base64offset, at 2", "F|base64offset|contains: /bin/bash", { F: inside("/bin/bash", "xy") }, true],
    ["base64offset, another text", "F|base64offset|contains: /bin/bash", { F: inside("/bin/zsh0", "xy") }, false],
    ["wide", "F|wide|base64offset|contains: ping", { F: Buffer.from("a ping", "utf16le").toString("base64") }, true],
    ["utf16le", "F|utf16le|base64: ab", { F: "YQBiAA==" }, true],
    ["utf16be", "F|utf16be|base64: ab", { F: "AGEAYg==" }, true],
    ["utf16 with its mark", "F|utf16|base64: ab", { F: "//5hAGIA" }, true],
    ["utf16le alone", "F|utf16le|contains: ab", { F: "xa\u0000b\u0000" }, true],
  ])("%s", (_name, line, fields, wanted) => {
    expect(holds(one(line), fields)).toBe(wanted);
  });
});

describe("windash", () => {
  test.each<[string, boolean]>([
    ["x -encode", true],
    ["x /encode", true],
    ["x –encode", true],
    ["x —encode", true],
    ["x ―encode", true],
    ["x +encode", false],
  ])("%s: %s", (text, wanted) => {
    expect(holds(one("F|windash|contains: ' -encode'"), { F: text })).toBe(wanted);
  });

  test("a dash inside a word stays a dash", () => {
    expect(holds(one("F|windash|contains: 'a-b -c'"), { F: "a/b /c" })).toBe(false);
    expect(holds(one("F|windash|contains: 'a-b -c'"), { F: "a-b /c" })).toBe(true);
  });
});

describe("regular expressions", () => {
  test.each<[string, string, Fields, boolean]>([
    ["found anywhere", "F|re: b.d", { F: "abcde" }, true],
    ["mind the case", "F|re: B", { F: "abc" }, false],
    ["i", "F|re|i: B", { F: "abc" }, true],
    ["i, written inside", "F|re: '(?i)B'", { F: "abc" }, true],
    ["^ is the start of all", "F|re: '^b'", { F: "a\nb" }, false],
    ["m: of a line", "F|re|m: '^b'", { F: "a\nb" }, true],
    ["a dot is no new line", "F|re: a.b", { F: "a\nb" }, false],
    ["s: it is", "F|re|s: a.b", { F: "a\nb" }, true],
    ["a star is no wildcard", "F|re: 'ab*$'", { F: "xabbb" }, true],
    ["a backslash is the expression's", String.raw`F|re: '\d\\x'`, { F: String.raw`1\x` }, true],
    ["all of them", "F|re|all: [a, c]", { F: "abc" }, true],
  ])("%s", (_name, line, fields, wanted) => {
    expect(holds(one(line), fields)).toBe(wanted);
  });

  test("an expression that makes a backtracking engine run for years answers", () => {
    expect(holds(one("F|re: '^(a+)+$'"), { F: `${"a".repeat(30_000)}!` })).toBe(false);
    expect(holds(one("F|re: '(.*)*(.*)*(.*)*z$'"), { F: "ab".repeat(15_000) })).toBe(false);
  });

  test.each([
    ["back references", String.raw`(a)\1`, /cannot be used/],
    ["looking ahead", "(?=a)b", /cannot be used/],
    ["an open bracket", "(a", /cannot be used/],
    ["too many repetitions", "(a{1000}){1000}", /cannot be used/],
    ["too large a program", "[a-z]{999}[0-9]{999}[x-z]{999}", /repeats too much|cannot be used/],
    ["a long one", "a".repeat(5000), /longer than/],
  ])("%s are refused", (_name, source, why) => {
    expect(fault(ruleText(one(`F|re: '${source}'`)))).toMatch(why);
  });
});

describe("addresses and other fields", () => {
  test.each<[string, string, Fields, boolean]>([
    ["cidr", "F|cidr: 10.0.0.0/8", { F: "10.9.8.7" }, true],
    ["cidr, IPv6", "F|cidr: [fe80::/10, 10.0.0.0/8]", { F: "fe80::1" }, true],
    ["cidr, and no address", "F|cidr: 0.0.0.0/0", { F: "host" }, false],
    ["fieldref", "F|fieldref: G", { F: "Abc", G: "aBc" }, true],
    ["fieldref, another", "F|fieldref: G", { F: "a", G: "b" }, false],
    ["fieldref, missing", "F|fieldref: G", { F: "a" }, false],
    ["fieldref and neq", "F|fieldref|neq: G", { F: "a", G: "b" }, true],
    ["fieldref and endswith", "F|fieldref|endswith: G", { F: "/usr/bin/a", G: "bin/a" }, true],
    ["endswith and fieldref", "F|endswith|fieldref: G", { F: "/usr/bin/a", G: "bin/a" }, true],
  ])("%s", (_name, line, fields, wanted) => {
    expect(holds(one(line), fields)).toBe(wanted);
  });
});

describe("times", () => {
  test.each<[string, string, FieldValue, boolean]>([
    ["minute", "F|minute: 31", "2026-11-26 02:31:32", true],
    ["hour", "F|hour: 2", "2026-11-26T02:31:32Z", true],
    ["hour and gte", "F|hour|gte: 22", "2026-11-26 23:00", true],
    ["hour and lt", "F|hour|lt: 6", "2026-11-26 06:00", false],
    ["day", "F|day: [1, 26]", "2026-11-26", true],
    ["week", "F|week: 48", "2026-11-26", true],
    ["the week of a first of January", "F|week: 53", "2027-01-01", true],
    ["month", "F|month: 11", "2026-11-26", true],
    ["year", "F|year: 2026", Date.UTC(2026, 0, 1), true],
    ["no time", "F|year: 2026", "yesterday", false],
    ["no hour in a day", "F|hour: 0", "2026-11-26", false],
  ])("%s", (_name, line, value, wanted) => {
    expect(holds(one(line), { F: value })).toBe(wanted);
  });
});

describe("placeholders", () => {
  const placeholders = { admins: ["root", "adm_*"] };
  test.each<[string, string, string, boolean]>([
    ["one of the values", "F|expand: '%admins%'", "root", true],
    ["values have wildcards", "F|expand: '%admins%'", "adm_x", true],
    ["between other text", "F|expand|endswith: '/%admins%/x'", "/home/root/x", true],
    ["an escaped one is text", String.raw`F|expand: '\%admins%'`, "%admins%", true],
    ["without expand it is text", "F: '%admins%'", "%admins%", true],
  ])("%s", (_name, line, value, wanted) => {
    expect(holds(one(line), { F: value }, placeholders)).toBe(wanted);
  });

  test("a name that nobody has explained is a fault", () => {
    expect(fault(ruleText(one("F|expand: '%nobody%'")))).toContain("%nobody%");
  });
});

describe("what does not fit is refused with a reason", () => {
  test.each([
    ["F|nonsense: a", /no value modifier "nonsense"/],
    ["F|base64: 'a*'", /without wildcards/],
    ["F|cidr: 10.0.0.0/99", /no network/],
    ["F|gt: many", /wants a number/],
    ["F|exists: perhaps", /true or false/],
    ["F|i: a", /"i" does not fit/],
    ["F|re|contains: a", /"contains" does not fit/],
    ["F|contains: null", /"contains" does not fit/],
    ["F|hour: noon", /wants a number/],
    ["F|gt|lt: 3", /compared once/],
    ["F: []", /no values/],
    ["F: { a: b }", /wants values, not a map/],
  ])("%s", (line, why) => {
    expect(fault(ruleText(one(line)))).toMatch(why);
  });
});
