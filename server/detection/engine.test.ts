import { describe, expect, test } from "vitest";
import { load, ruleText } from "../../test/support/sigma.ts";
import { openEngine, type DetectionEngine } from "./engine.ts";
import type { DetectionEvent, Finding } from "./rule.ts";
import type { CorrelationLimits } from "./sigma/correlate.ts";

const minute = 60_000;
const rule = (id: string): string => ruleText(`s: { F: ${id} }\ncondition: s`, { id, head: `name: ${id}\n` });

interface Asked {
  readonly type: string;
  readonly rules?: string;
  readonly condition?: string;
  readonly group?: string;
  readonly more?: string;
}

function correlation({ type, rules = "[a]", condition, group = "[U]", more = "" }: Asked, id = "c"): string {
  const written = condition === undefined ? "" : `  condition: ${condition}\n`;
  return `title: ${id}\nid: ${id}\nname: ${id}\nauthor: Somebody\nlevel: high\ncorrelation:\n  type: ${type}\n  rules: ${rules}\n  group-by: ${group}\n  timespan: 1m\n${written}${more}`;
}

function engineFor(asked: Asked, limits?: CorrelationLimits): DetectionEngine {
  const set = load(rule("a"), rule("b"), rule("c1"), correlation(asked));
  expect(set.problems).toEqual([]);
  return openEngine(set, limits);
}

/** Each step: seconds, what F is, and other fields. Gives the seconds at which the correlation fired, and what it measured. */
type Step = readonly [seconds: number, f: string, fields?: Readonly<Record<string, string | number>>];

function run(engine: DetectionEngine, steps: readonly Step[], until?: number): readonly (readonly [number, number])[] {
  const findings: Finding[] = steps.flatMap(([seconds, f, fields], at) => [
    ...engine.feed(event(seconds, f, fields, at)),
  ]);
  if (until !== undefined) findings.push(...engine.advance(until * 1000));
  return findings.flatMap((found) =>
    found.rule.id === "c" ? [[found.at / 1000, found.correlated?.measured ?? -1] as const] : [],
  );
}

function event(seconds: number, f: string, fields: Step[2] = {}, at = 0): DetectionEvent {
  return { id: `e${at}`, at: seconds * 1000, source: { product: "linux" }, fields: { U: "u", F: f, ...fields } };
}

const times = (count: number, every: number, f = "a"): readonly Step[] =>
  Array.from({ length: count }, (_, at): Step => [at * every, f]);

test("a finding carries the rule's author, its reasons and its event", () => {
  const [found] = openEngine(load(rule("a"))).feed(event(1, "a"));
  expect(found).toMatchObject({
    rule: { id: "a", author: "Somebody" },
    at: 1000,
    events: [{ id: "e0" }],
    reasons: [{ selection: "s", field: "F", says: 'is "a"', value: "a" }],
    correlated: undefined,
  });
});

test("of an event that is completed later only what holds now and did not before is new", () => {
  const engine = engineFor({ type: "event_count", condition: "{ gte: 2 }" });
  const both = load(rule("a"), ruleText("s: { H: known }\ncondition: s", { id: "h", head: "name: h\n" }));
  const other = openEngine(both);
  const before = event(1, "a");
  const after = event(1, "a", { H: "known" });
  expect(other.feed(before).map(({ rule: { id } }) => id)).toEqual(["a"]);
  expect(other.feed(after, before).map(({ rule: { id } }) => id)).toEqual(["h"]);
  // Nor does it count twice.
  expect([...engine.feed(before), ...engine.feed(after, before)].map(({ rule: { id } }) => id)).not.toContain("c");
  expect(engine.feed(event(2, "a")).map(({ rule: { id } }) => id)).toContain("c");
});

describe("event_count", () => {
  test.each<[string, string, readonly Step[], readonly (readonly [number, number])[]]>([
    ["fires when enough came in time", "{ gte: 3 }", times(3, 10), [[20, 3]]],
    ["not when they came too slowly", "{ gte: 3 }", times(5, 40), []],
    [
      "over any minute, not from one minute to the next",
      "{ gte: 3 }",
      [
        [50, "a"],
        [65, "a"],
        [70, "a"],
      ],
      [[70, 3]],
    ],
    ["gt is one more", "{ gt: 2 }", times(3, 10), [[20, 3]]],
    ["once, while it goes on", "{ gte: 3 }", times(7, 10), [[20, 3]]],
    [
      "again after its timespan",
      "{ gte: 3 }",
      times(12, 10),
      [
        [20, 3],
        [90, 3],
      ],
    ],
    [
      "events that come out of order count",
      "{ gte: 3 }",
      [
        [30, "a"],
        [10, "a"],
        [20, "a"],
      ],
      [[20, 3]],
    ],
    [
      "other rules' events do not",
      "{ gte: 2 }",
      [
        [0, "a"],
        [1, "b"],
        [2, "b"],
      ],
      [],
    ],
  ])("%s", (_name, condition, steps, wanted) => {
    expect(run(engineFor({ type: "event_count", condition }), steps)).toEqual(wanted);
  });

  test("each group by itself; an event without the field belongs to none", () => {
    const engine = engineFor({ type: "event_count", condition: "{ gte: 2 }" });
    expect(
      run(engine, [
        [0, "a", { U: "x" }],
        [1, "a", { U: "y" }],
        [2, "a", { U: "x" }],
      ]),
    ).toEqual([[2, 2]]);
    const none = engineFor({ type: "event_count", condition: "{ gte: 1 }", group: "[Missing]" });
    expect(run(none, [[0, "a"]])).toEqual([]);
  });

  test("without a field to group by there is one group", () => {
    const engine = engineFor({ type: "event_count", condition: "{ gte: 2 }", group: "[]" });
    expect(
      run(engine, [
        [0, "a", { U: "x" }],
        [1, "a", { U: "y" }],
      ]),
    ).toEqual([[1, 2]]);
  });

  test.each<[string, readonly Step[], readonly (readonly [number, number])[]]>([
    ["{ lt: 3 }", times(2, 1), [[60, 2]]],
    ["{ lt: 3 }", times(3, 1), []],
    ["{ eq: 2 }", times(2, 1), [[60, 2]]],
    ["{ eq: 2 }", times(3, 1), []],
    ["{ neq: 2 }", times(3, 1), [[60, 3]]],
    ["{ gt: 1, lte: 3 }", times(3, 1), [[60, 3]]],
    ["{ gt: 1, lte: 3 }", times(4, 1), []],
  ])("%s waits for the end of its minute", (condition, steps, wanted) => {
    const engine = engineFor({ type: "event_count", condition });
    expect(run(engine, steps)).toEqual([]);
    expect(run(engine, [], 61)).toEqual(wanted);
  });
});

test("what a filter takes from a rule does not count in the correlation over it, be it events, values or steps", () => {
  const filter = `title: adm\nlogsource: { product: linux }\nfilter:\n  rules: [a]\n  selection: { U|startswith: adm_ }\n  condition: not selection\n`;
  for (const asked of [
    { type: "event_count", condition: "{ gte: 2 }" },
    { type: "value_count", condition: "{ field: V, gte: 2 }" },
    { type: "temporal", rules: "[a, b]" },
    { type: "temporal_ordered", rules: "[a, b]" },
  ]) {
    const set = load(rule("a"), rule("b"), correlation(asked), filter);
    expect([set.problems, set.rules[0]?.filters]).toEqual([[], ["adm"]]);
    const steps = (user: string): readonly Step[] => [
      [1, "a", { U: user, V: "one" }],
      [2, "a", { U: user, V: "two" }],
      [3, "b", { U: user }],
    ];
    const fired = (user: string): boolean => run(openEngine(set), steps(user)).length > 0;
    expect([asked.type, fired("adm_1"), fired("kim")]).toEqual([asked.type, false, true]);
  }
});

describe("value_count", () => {
  const values = (...list: readonly string[]): readonly Step[] => list.map((V, at): Step => [at, "a", { V }]);
  test("counts different values", () => {
    const condition = "{ gte: 3, field: V }";
    expect(run(engineFor({ type: "value_count", condition }), values("x", "y", "x", "z"))).toEqual([[3, 3]]);
    expect(run(engineFor({ type: "value_count", condition }), values("x", "y", "x", "y"))).toEqual([]);
  });

  test("a value that was last seen too long ago does not count", () => {
    const engine = engineFor({ type: "value_count", condition: "{ gte: 2, field: V }" });
    expect(
      run(engine, [
        [0, "a", { V: "x" }],
        [61, "a", { V: "y" }],
      ]),
    ).toEqual([]);
  });

  test("of several fields each combination is a value", () => {
    const engine = engineFor({ type: "value_count", condition: "{ gte: 2, field: [V, W] }" });
    expect(
      run(engine, [
        [0, "a", { V: "x", W: "1" }],
        [1, "a", { V: "x", W: "1" }],
        [2, "a", { V: "x", W: "2" }],
      ]),
    ).toEqual([[2, 2]]);
  });

  test("at most waits", () => {
    const engine = engineFor({ type: "value_count", condition: "{ lte: 1, field: V }" });
    expect(run(engine, values("x", "x"), 61)).toEqual([[60, 1]]);
  });
});

describe("temporal", () => {
  test("all rules in any order within the time", () => {
    const asked = { type: "temporal", rules: "[a, b]" };
    expect(
      run(engineFor(asked), [
        [0, "b"],
        [30, "a"],
      ]),
    ).toEqual([[30, 2]]);
    expect(
      run(engineFor(asked), [
        [0, "b"],
        [61, "a"],
      ]),
    ).toEqual([]);
    expect(
      run(engineFor(asked), [
        [0, "b", { U: "x" }],
        [1, "a"],
      ]),
    ).toEqual([]);
  });

  test("some of them, where the condition says how many", () => {
    const asked = { type: "temporal", rules: "[a, b, c1]", condition: "{ gte: 2 }" };
    expect(
      run(engineFor(asked), [
        [0, "c1"],
        [30, "a"],
      ]),
    ).toEqual([[30, 2]]);
  });

  test.each<[string, readonly Step[], number]>([
    [
      "in their order",
      [
        [0, "a"],
        [1, "b"],
        [2, "c1"],
      ],
      1,
    ],
    [
      "not backwards",
      [
        [0, "c1"],
        [1, "b"],
        [2, "a"],
      ],
      0,
    ],
    [
      "others may come between",
      [
        [0, "a"],
        [1, "c1"],
        [2, "b"],
        [3, "a"],
        [4, "c1"],
      ],
      1,
    ],
    [
      "the whole chain within the time",
      [
        [0, "a"],
        [40, "b"],
        [70, "c1"],
      ],
      0,
    ],
    [
      "a later beginning helps",
      [
        [0, "a"],
        [30, "a"],
        [40, "b"],
        [70, "c1"],
      ],
      1,
    ],
    [
      "a later beginning without its middle does not",
      [
        [0, "a"],
        [10, "b"],
        [30, "a"],
        [70, "c1"],
      ],
      0,
    ],
  ])("temporal_ordered: %s", (_name, steps, fired) => {
    expect(run(engineFor({ type: "temporal_ordered", rules: "[a, b, c1]" }), steps)).toHaveLength(fired);
  });

  test("temporal_ordered: one event is not two steps", () => {
    const both = ruleText("s: { F: a }\ncondition: s", { id: "also", head: "name: also\n" });
    const set = load(rule("a"), both, correlation({ type: "temporal_ordered", rules: "[a, also]" }));
    const engine = openEngine(set);
    expect(run(engine, [[0, "a"]])).toEqual([]);
    expect(run(engine, [[1, "a"]])).toHaveLength(1);
  });
});

describe("measures", () => {
  const bytes = (...list: readonly (number | string)[]): readonly Step[] => list.map((B, at): Step => [at, "a", { B }]);
  test.each<[string, string, readonly Step[], number | undefined, readonly (readonly [number, number])[]]>([
    ["value_sum, at once", "{ gt: 100, field: B }", bytes(60, "30", 20), undefined, [[2, 110]]],
    ["value_sum, what is no number adds nothing", "{ gt: 100, field: B }", bytes(60, "x", 20), undefined, []],
    ["value_sum, at most", "{ lt: 100, field: B }", bytes(60, 20), 61, [[60, 80]]],
    ["value_avg", "{ gt: 20, field: B }", bytes(10, 20, 60), 61, [[60, 30]]],
    ["value_median", "{ lte: 20, field: B }", bytes(10, 20, 6000), 61, [[60, 20]]],
  ])("%s", (name, condition, steps, until, wanted) => {
    const [type = ""] = name.split(",");
    const found = run(engineFor({ type, condition }), steps, until);
    expect(found).toEqual(wanted);
  });

  test("value_percentile: the 90th of 0 to 50 is 45", () => {
    const condition = "{ gte: 45, field: B, percentile: 90 }";
    const engine = engineFor({ type: "value_percentile", condition });
    expect(run(engine, bytes(...Array.from({ length: 51 }, (_, at) => at)), 200)).toEqual([[60, 45]]);
  });

  test("value_percentile without a percentile: the rare values, as in the specification's example", () => {
    const engine = engineFor({ type: "value_percentile", condition: "{ lte: 2, field: V }" });
    const steps = Array.from({ length: 50 }, (_, at): Step => [at, "a", { V: at === 7 ? "rare" : "common" }]);
    expect(run(engine, steps, 61)).toEqual([[60, 2]]);
  });
});

test("an alias means another field for each rule", () => {
  const more = "  aliases:\n    peer: { a: Source, b: Target }\n";
  const asked = { type: "temporal", rules: "[a, b]", group: "[peer]", more };
  expect(
    run(engineFor(asked), [
      [0, "a", { Source: "h1" }],
      [1, "b", { Target: "h1" }],
    ]),
  ).toEqual([[1, 2]]);
  expect(
    run(engineFor(asked), [
      [0, "a", { Source: "h1" }],
      [1, "b", { Target: "h2" }],
    ]),
  ).toEqual([]);
});

test("correlations feed correlations: many failures, then a success, as in the specification", () => {
  const set = load(
    rule("failed"),
    rule("success"),
    correlation({ type: "temporal_ordered", rules: "[many, success]" }),
    correlation({ type: "event_count", rules: "[failed]", condition: "{ gte: 3 }" }, "many"),
  );
  const engine = openEngine(set);
  const findings = [...times(3, 5, "failed"), [20, "success"] as const].flatMap(([at, f]) => [
    ...engine.feed(event(at, f)),
  ]);
  expect(findings.map(({ rule, at }) => [rule.id, at])).toEqual([["c", 20_000]]);
});

describe("what is remembered is bounded", () => {
  const limits = { groups: 10, entries: 1000, events: 4 };
  test("in groups: the one longest without an event goes, and that is counted", () => {
    const engine = engineFor({ type: "event_count", condition: "{ gte: 2 }" }, limits);
    run(
      engine,
      Array.from({ length: 30 }, (_, at): Step => [0, "a", { U: `u${at}` }]),
    );
    expect(engine.lost()).toBe(20);
    expect(run(engine, [[1, "a", { U: "u29" }]])).toHaveLength(1);
    expect(run(engine, [[1, "a", { U: "u0" }]])).toHaveLength(0);
  });

  test("in values of all groups together", () => {
    const engine = engineFor({ type: "value_count", condition: "{ gte: 500, field: V }" }, { ...limits, entries: 100 });
    run(
      engine,
      Array.from({ length: 300 }, (_, at): Step => [0, "a", { U: `u${at % 3}`, V: `v${at}` }]),
    );
    expect(engine.lost()).toBeGreaterThan(0);
  });

  test("in values of one group", () => {
    const engine = engineFor({ type: "value_avg", condition: "{ gt: 0, field: V }" });
    run(
      engine,
      Array.from({ length: 10_010 }, (): Step => [0, "a", { V: 1 }]),
    );
    expect(engine.lost()).toBe(10);
  });

  test("in events that a finding brings", () => {
    const engine = engineFor({ type: "event_count", condition: "{ gte: 9 }" }, limits);
    const found = times(9, 1).flatMap(([at, f]) => [...engine.feed(event(at, f))]);
    expect(found.find(({ rule }) => rule.id === "c")?.events).toHaveLength(4);
  });

  test("an event from long ago is told, not counted", () => {
    const engine = engineFor({ type: "event_count", condition: "{ gte: 2 }" });
    expect(
      run(engine, [
        [200, "a"],
        [3, "a"],
      ]),
    ).toEqual([]);
    expect(engine.lost()).toBe(1);
  });

  test("groups that nothing happens to are forgotten with time", () => {
    const engine = engineFor({ type: "event_count", condition: "{ gte: 2 }" }, limits);
    run(
      engine,
      Array.from({ length: 10 }, (_, at): Step => [0, "a", { U: `u${at}` }]),
      2 * (minute / 1000),
    );
    run(
      engine,
      Array.from({ length: 10 }, (_, at): Step => [130, "a", { U: `v${at}` }]),
    );
    expect(engine.lost()).toBe(0);
  });
});
