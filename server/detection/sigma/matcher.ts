/** All rules at once against one event: by its log source, then by texts that must be there, then whole. */
import type { DetectionEvent, LogSource } from "../rule.ts";
import { compileExpression } from "./ask.ts";
import { buildAutomaton, type Automaton, type Needle } from "./automaton.ts";
import { atomsOf, type Expression } from "./expression.ts";
import { needlesOf, type FieldNeedle } from "./needles.ts";
import { Slots, View, type Question, type Texts } from "./view.ts";

export interface Matchable {
  readonly source: LogSource;
  readonly detection: Expression;
}

export interface Matcher<R extends Matchable> {
  /** Each rule that holds for the event, in the order the rules were given. */
  match(event: DetectionEvent): readonly R[];
  /** The event that was matched last, for whoever asks why. */
  readonly view: View;
  readonly slots: Slots;
}

/** Log sources that events name; a stranger may write them, so their number is bounded. */
const mostSources = 64;

export function openMatcher<R extends Matchable>(rules: readonly R[]): Matcher<R> {
  const slots = new Slots();
  const questions = rules.map(({ detection }) => compileExpression(detection, slots));
  const needles = rules.map(({ detection }) => needlesOf(detection));
  for (const { detection } of rules)
    for (const { field } of atomsOf(detection)) if (field !== undefined) slots.of(field);
  const view = new View(slots);
  const shelves = new Map<string, Shelf>();
  const marks = new Uint32Array(rules.length);
  let round = 0;

  function shelfFor(source: LogSource): Shelf {
    const key = `${source.product ?? ""}\n${source.category ?? ""}\n${source.service ?? ""}`;
    const known = shelves.get(key);
    if (known !== undefined) return known;
    const made = buildShelf(source, rules, needles, slots);
    if (shelves.size >= mostSources) shelves.clear();
    shelves.set(key, made);
    return made;
  }

  return {
    view,
    slots,
    match(event) {
      view.show(event);
      const shelf = shelfFor(event.source);
      if (++round === 0xffffffff) {
        marks.fill(0);
        round = 1;
      }
      const asked: number[] = [];
      const ask = (rule: number): void => {
        if (marks[rule] === round) return;
        marks[rule] = round;
        asked.push(rule);
      };
      for (const rule of shelf.always) ask(rule);
      for (const field of shelf.fields) look(field, view.fold(field.slot), ask);
      if (shelf.whole !== undefined) look(shelf.whole, view.wholeFold(), ask);
      return asked
        .filter((rule) => holds(questions[rule], view))
        .sort((a, b) => a - b)
        .flatMap((rule) => rules[rule] ?? []);
    },
  };
}

function holds(question: Question | undefined, view: View): boolean {
  return question !== undefined && question(view);
}

/** What concerns events of one log source. */
interface Shelf {
  /** Rules of which no text is known that must be there. */
  readonly always: readonly number[];
  readonly fields: readonly (Lookup & { readonly slot: number })[];
  readonly whole: Lookup | undefined;
}

interface Lookup {
  readonly equal: ReadonlyMap<string, readonly number[]>;
  readonly automaton: Automaton | undefined;
  /** Of each needle of the automaton: whose it is. */
  readonly owners: readonly (readonly number[])[];
}

function look({ equal, automaton, owners }: Lookup, texts: Texts, ask: (rule: number) => void): void {
  if (texts === undefined) return;
  if (typeof texts !== "string") {
    for (const text of texts) look({ equal, automaton, owners }, text, ask);
    return;
  }
  for (const rule of equal.get(texts) ?? []) ask(rule);
  automaton?.scan(texts, (needle) => {
    for (const rule of owners[needle] ?? []) ask(rule);
  });
}

function buildShelf(
  source: LogSource,
  rules: readonly Matchable[],
  needles: readonly (readonly FieldNeedle[] | undefined)[],
  slots: Slots,
): Shelf {
  const always: number[] = [];
  const byField = new Map<string | undefined, (readonly [number, FieldNeedle])[]>();
  for (const [rule, { source: wanted }] of rules.entries()) {
    if (!covers(wanted, source)) continue;
    const own = needles[rule];
    if (own === undefined) always.push(rule);
    for (const needle of own ?? []) {
      const list = byField.get(needle.field);
      if (list === undefined) byField.set(needle.field, [[rule, needle]]);
      else list.push([rule, needle]);
    }
  }
  const whole = byField.get(undefined);
  return {
    always,
    fields: [...byField].flatMap(([field, list]) =>
      field === undefined ? [] : [{ slot: slots.of(field), ...buildLookup(list) }],
    ),
    whole: whole === undefined ? undefined : buildLookup(whole),
  };
}

function buildLookup(list: readonly (readonly [number, FieldNeedle])[]): Lookup {
  const equal = new Map<string, number[]>();
  const others = new Map<string, { readonly needle: Needle; readonly owners: Set<number> }>();
  for (const [rule, { placement, text }] of list) {
    if (placement === "equals") {
      const owners = equal.get(text);
      if (owners === undefined) equal.set(text, [rule]);
      else if (!owners.includes(rule)) owners.push(rule);
      continue;
    }
    const key = `${placement}\n${text}`;
    const known = others.get(key);
    if (known === undefined) others.set(key, { needle: { placement, text }, owners: new Set([rule]) });
    else known.owners.add(rule);
  }
  const unequal = [...others.values()];
  return {
    equal,
    automaton: unequal.length === 0 ? undefined : buildAutomaton(unequal.map(({ needle }) => needle)),
    owners: unequal.map(({ owners }) => [...owners]),
  };
}

/** A rule concerns an event where each word of its log source is the event's; a word that it leaves out says nothing. */
export function covers(wanted: LogSource, source: LogSource): boolean {
  return (
    (wanted.product === undefined || wanted.product === source.product) &&
    (wanted.category === undefined || wanted.category === source.category) &&
    (wanted.service === undefined || wanted.service === source.service)
  );
}
