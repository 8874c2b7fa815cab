import { array, assert, constantFrom, dictionary, oneof, property, record, tuple, type Arbitrary } from "fast-check";
import { describe, expect, test } from "vitest";
import { eventOf, load, ruleText } from "../../../test/support/sigma.ts";
import type { DetectionEvent } from "../rule.ts";
import { compileExpression } from "./ask.ts";
import { openMatcher } from "./matcher.ts";
import { Slots, View } from "./view.ts";

const words = constantFrom(
  "a",
  "b",
  "ab",
  "ba",
  "abab",
  "babababababa",
  "Ab",
  "/a/b",
  "-a",
  "1",
  "*a",
  "a?",
  "ab*ba*b",
);
const keys = constantFrom(
  ..."F G F|contains G|startswith F|endswith G|contains|all F|contains|neq F|cased G|endswith|cased".split(" "),
  ..."F|re G|fieldref F|windash|contains |all".split(" "),
);
const condition = constantFrom(
  "x",
  "y",
  "x and y",
  "x or y",
  "not x",
  "x and not y",
  "1 of them",
  "not (x or not y)",
  "2 of them",
);
const selection = oneof(
  dictionary(keys, array(words, { minLength: 1, maxLength: 3 }), { minKeys: 1, maxKeys: 3 }),
  array(words, { minLength: 1, maxLength: 3 }),
);
const rule: Arbitrary<string> = record({ x: selection, y: selection, condition }).map((detection) =>
  JSON.stringify(detection),
);
const value = oneof(words, array(words, { maxLength: 3 }), constantFrom(null, 1, true));
const fields = dictionary(constantFrom("F", "G", "H"), value, { maxKeys: 3 });

test("the index passes over no rule that holds", () => {
  let held = 0;
  assert(
    property(
      tuple(array(rule, { minLength: 1, maxLength: 6 }), array(fields, { minLength: 1, maxLength: 6 })),
      ([detections, events]) => {
        const set = load(...detections.map((detection, at) => ruleText(detection, { id: `r${at}` })));
        const matcher = openMatcher(set.rules);
        for (const one of events) {
          const event = eventOf(one);
          const wanted = set.rules.filter(({ detection }) => alone(detection, event)).map(({ facts }) => facts.id);
          held += wanted.length;
          expect(matcher.match(event).map(({ facts }) => facts.id)).toEqual(wanted);
        }
      },
    ),
    { numRuns: 1500 },
  );
  expect(held).toBeGreaterThan(500);
});

function alone(detection: Parameters<typeof compileExpression>[0], event: DetectionEvent): boolean {
  const slots = new Slots();
  const question = compileExpression(detection, slots);
  const view = new View(slots);
  view.show(event);
  return question(view);
}

describe("log sources", () => {
  const source = (text: string): string => ruleText("s: { F: x }\ncondition: s").replace("{ product: linux }", text);
  test.each([
    ["{ product: linux }", true],
    ["{ category: process_creation }", true],
    ["{ product: linux, category: process_creation }", true],
    ["{ service: sysmon }", true],
    ["{ product: windows, category: process_creation }", false],
    ["{ product: linux, category: file_event }", false],
    ["{ product: linux, service: auditd }", false],
    ["{ product: linux, definition: whatever }", true],
  ])("%s: %s", (text, wanted) => {
    const matcher = openMatcher(load(source(text)).rules);
    const event: DetectionEvent = {
      id: "e",
      at: 0,
      source: { product: "linux", category: "process_creation", service: "sysmon" },
      fields: { F: "x" },
    };
    expect(matcher.match(event)).toHaveLength(wanted ? 1 : 0);
  });
});

test("log sources that strangers make up are forgotten again", () => {
  const matcher = openMatcher(load(ruleText("s: { F: x }\ncondition: s")).rules);
  for (let at = 0; at < 1000; at++)
    expect(
      matcher.match({ id: "e", at: 0, source: { product: "linux", service: `s${at}` }, fields: { F: "x" } }),
    ).toHaveLength(1);
});

test("nothing of one event is left for the next", () => {
  const matcher = openMatcher(load(ruleText("s: { F: x, G: y }\ncondition: s")).rules);
  expect(matcher.match(eventOf({ F: "x", G: "y" }))).toHaveLength(1);
  expect(matcher.match(eventOf({ F: "x" }))).toHaveLength(0);
});
