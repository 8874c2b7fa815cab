import { describe, expect, test } from "vitest";
import { eventOf, load, ruleText } from "../../../test/support/sigma.ts";
import { openMatcher } from "./matcher.ts";
import type { RuleSet } from "./rule-set.ts";

const simple = (id: string, value = id, head = ""): string =>
  ruleText(`s: { F: ${value} }\ncondition: s`, { id, head });
const idsFor = (set: RuleSet, fields: Readonly<Record<string, string>>): readonly string[] =>
  openMatcher(set.rules)
    .match(eventOf(fields))
    .map(({ facts }) => facts.id);

test("what stands around a rule is kept as its author wrote it", () => {
  const head = `name: short\nlevel: high\nstatus: test\nlicense: MIT\ndescription: what it finds\ntags: [attack.execution, attack.t1059]
references: ['https://example.org/a']\nfalsepositives: [Unlikely]\n`;
  const [rule] = load(simple("a", "a", head)).rules;
  expect(rule?.facts).toEqual({
    id: "a",
    title: "a",
    author: "Somebody",
    license: "MIT",
    level: "high",
    status: "test",
    description: "what it finds",
    tags: ["attack.execution", "attack.t1059"],
    references: ["https://example.org/a"],
    falsePositives: ["Unlikely"],
    file: "0.yml",
    line: 1,
  });
});

describe("one bad rule does not take the others with it", () => {
  test("in another file, or another document of its file", () => {
    const set = load(`${simple("a")}---\ntitle: broken\n---\n${simple("b")}`, "no: [yaml", simple("c"));
    expect(set.rules.map(({ facts }) => facts.id)).toEqual(["a", "b", "c"]);
    expect(set.problems.map(({ file, line }) => [file, line])).toEqual([
      ["0.yml", 9],
      ["1.yml", 1],
    ]);
  });

  test.each([
    ["no title", "logsource: { product: linux }\n", /no title/],
    ["no logsource", "title: a\ndetection: { s: { F: a }, condition: s }\n", /no logsource/],
    [
      "an empty logsource",
      "title: a\nlogsource: { definition: x }\ndetection: { s: { F: a }, condition: s }\n",
      /names no product/,
    ],
    ["no condition", "title: a\nlogsource: { product: linux }\ndetection: { s: { F: a } }\n", /no condition/],
    ["another taxonomy", simple("a", "a", "taxonomy: ecs\n"), /taxonomy "ecs"/],
    ["a level that is none", simple("a", "a", "level: dreadful\n"), /"dreadful" is no level/],
    ["unsupported, as its author says", simple("a", "a", "status: unsupported\n"), /unsupported/],
    ["a long title", simple("a", "a", "").replace("title: a", `title: ${"x".repeat(300)}`), /longer than 256/],
  ])("%s", (_name, text, why) => {
    const set = load(text);
    expect(set.rules).toEqual([]);
    expect(set.problems[0]?.why).toMatch(why);
  });

  test("of two rules with one id the first stands", () => {
    const set = load(simple("a", "x"), simple("a", "y"));
    expect(set.rules).toHaveLength(1);
    expect(set.problems[0]?.why).toContain("0.yml:1 has the id");
  });
});

test("a global document holds for those after it, until it is reset", () => {
  const set = load(`action: global
title: shared
author: Somebody
logsource: { product: linux }
detection: { filter: { G: g }, condition: s and not filter }
---
id: a
detection: { s: { F: a } }
---
id: b
detection: { s: { F: b } }
---
action: repeat
id: c
detection: { s: { F: c } }
---
action: reset
---
id: d
title: alone
detection: { s: { F: d } }
`);
  expect(set.rules.map(({ facts }) => [facts.id, facts.title])).toEqual([
    ["a", "shared"],
    ["b", "shared"],
    ["c", "shared"],
  ]);
  expect(idsFor(set, { F: "b" })).toEqual(["b"]);
  expect(idsFor(set, { F: "b", G: "g" })).toEqual([]);
  expect(set.problems[0]?.title).toBe("alone");
});

describe("filters", () => {
  const filter = (rules: string, condition = "not selection", product = "linux"): string => `title: adm
logsource: { product: ${product} }
filter:
  rules: ${rules}
  selection: { User|startswith: adm_ }
  condition: ${condition}
`;

  test("are added to the rules they name, by id or name", () => {
    const set = load(simple("a", "x", "name: short\n"), simple("b", "x"), filter("[short]"));
    expect(idsFor(set, { F: "x", User: "adm_1" })).toEqual(["b"]);
    expect(idsFor(set, { F: "x", User: "other" })).toEqual(["a", "b"]);
    expect(set.rules[0]?.filters).toEqual(["adm"]);
  });

  test.each(["any", "[any]", ""])("for any rule: %s", (rules) => {
    const set = load(simple("a", "x"), filter(rules));
    expect(idsFor(set, { F: "x", User: "adm_1" })).toEqual([]);
  });

  test("only for rules of their logsource", () => {
    const set = load(simple("a", "x"), filter("any", "not selection", "windows"));
    expect(idsFor(set, { F: "x", User: "adm_1" })).toEqual(["a"]);
    expect(set.notes[0]?.why).toContain("for no rule that is here");
  });

  test("without a not are noted: they keep what they describe", () => {
    const set = load(simple("a", "x"), filter("[a]", "selection"));
    expect(idsFor(set, { F: "x", User: "other" })).toEqual([]);
    expect(set.notes[0]?.why).toContain('no "not"');
  });

  test("that name a rule that is not here are a problem, and still filter the others", () => {
    const set = load(simple("a", "x"), filter("[a, gone]"));
    expect(set.problems[0]?.why).toContain("gone");
    expect(idsFor(set, { F: "x", User: "adm_1" })).toEqual([]);
  });
});

describe("correlations", () => {
  const correlation = (id: string, rules: string, more = ""): string =>
    `title: ${id}\nid: ${id}\nname: ${id}-name\ncorrelation:\n  type: event_count\n  rules: ${rules}\n  group-by: [U]\n  timespan: 1m\n  condition: { gte: 2 }\n${more}`;

  test("stand behind those that feed them, in whatever order they were written", () => {
    const set = load(correlation("z", "[y-name]"), correlation("y", "[a]"), simple("a"));
    expect(set.correlations.map(({ facts }) => facts.id)).toEqual(["y", "z"]);
  });

  test("their rules report by themselves only with generate", () => {
    const quiet = load(simple("a"), correlation("y", "[a]"));
    expect(quiet.rules[0]?.reported).toBe(false);
    const loud = load(simple("a"), correlation("y", "[a]", "  generate: true\n"));
    expect(loud.rules[0]?.reported).toBe(true);
  });

  test("take the highest level of their rules where they state none", () => {
    const set = load(
      simple("a", "a", "level: medium\n"),
      simple("b", "b", "level: high\n"),
      correlation("y", "[a, b]"),
    );
    expect(set.correlations[0]?.facts.level).toBe("high");
    expect(load(simple("a"), correlation("y", "[a]", "level: low\n")).correlations[0]?.facts.level).toBe("low");
  });

  test.each([
    ["a rule that is not here", [correlation("y", "[gone]")], /not here or cannot be used: gone/],
    ["itself", [correlation("y", "[y-name]")], /waits for itself/],
    ["each other", [correlation("y", "[z-name]"), correlation("z", "[y-name]")], /waits for itself/],
  ])("cannot wait for %s", (_name, texts, why) => {
    const set = load(...texts);
    expect(set.correlations).toEqual([]);
    expect(set.problems[0]?.why).toMatch(why);
  });

  test.each([
    ["type: nonsense", /"nonsense" is no type/],
    ["type: value_count", /needs a field/],
    ["timespan: 5 minutes", /timespan has to be/],
    ["timespan: 90d", /longer than 31 days/],
    ["condition: { gte: 20000 }", /counts to 10000/],
    ["condition: { above: 3 }", /"above" is no part/],
    ["condition: a and b", /condition is a map/],
    ["rules: []", /names no rules/],
    ["aliases: { x: { gone: F } }", /not correlated/],
  ])("%s is refused", (line, why) => {
    const [key = ""] = line.split(":");
    const text = correlation("y", "[a]");
    const changed = text.includes(`  ${key}:`)
      ? text.replace(new RegExp(`  ${key}:.*`), () => `  ${line}`)
      : `${text}  ${line}\n`;
    expect(load(simple("a"), changed).problems[0]?.why).toMatch(why);
  });
});
