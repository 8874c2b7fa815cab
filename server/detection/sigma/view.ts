/** One event laid out for many questions: fields by number, case folded once, whatever number of rules ask. */
import type { DetectionEvent, FieldValue, Scalar } from "../rule.ts";
import type { Atom } from "./expression.ts";
import { fold } from "./pattern.ts";

export type Question = (view: View) => boolean;

/** Names of fields become numbers when rules are compiled. */
export class Slots {
  readonly questions = new WeakMap<Atom, Question>();
  private readonly numbers = new Map<string, number>();

  of(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    this.numbers.set(name, this.numbers.size);
    return this.numbers.size - 1;
  }

  known(name: string): number | undefined {
    return this.numbers.get(name);
  }

  get size(): number {
    return this.numbers.size;
  }
}

export type Texts = string | readonly string[] | undefined;

/** Used again for each event; nothing of it outlives a call of the matcher. */
export class View {
  private readonly slots: Slots;
  private values: (FieldValue | undefined)[] = [];
  private texts: Texts[] = [];
  private folded: Texts[] = [];
  private used: number[] = [];
  private event: DetectionEvent | undefined;
  private whole: string | undefined;
  private wholeFolded: string | undefined;

  constructor(slots: Slots) {
    this.slots = slots;
  }

  /** Fields that no rule asks about are left alone. */
  show(event: DetectionEvent): void {
    for (const slot of this.used) {
      this.values[slot] = undefined;
      this.texts[slot] = undefined;
      this.folded[slot] = undefined;
    }
    this.used = [];
    this.event = event;
    this.whole = undefined;
    this.wholeFolded = undefined;
    for (const name in event.fields) {
      const slot = this.slots.known(name);
      if (slot === undefined) continue;
      this.values[slot] = event.fields[name];
      this.used.push(slot);
    }
  }

  value(slot: number): FieldValue | undefined {
    return this.values[slot];
  }

  /** Nothing where the field is missing or null. */
  text(slot: number): Texts {
    const known = this.texts[slot];
    if (known !== undefined) return known;
    const value = this.values[slot];
    if (value === undefined || value === null) return undefined;
    const made = Array.isArray(value) ? textsOf(value) : String(value);
    this.texts[slot] = made;
    return made;
  }

  fold(slot: number): Texts {
    const known = this.folded[slot];
    if (known !== undefined) return known;
    const text = this.text(slot);
    if (text === undefined) return undefined;
    const made = typeof text === "string" ? fold(text) : text.map(fold);
    this.folded[slot] = made;
    return made;
  }

  /** Each value on a line of its own: no keyword reaches from one field into the next. */
  wholeText(): string {
    if (this.whole !== undefined) return this.whole;
    let whole = "";
    for (const name in this.event?.fields) {
      const value = this.event?.fields[name];
      if (value !== undefined && value !== null)
        whole += Array.isArray(value) ? `${textsOf(value).join("\n")}\n` : `${String(value)}\n`;
    }
    this.whole = whole;
    return this.whole;
  }

  wholeFold(): string {
    this.wholeFolded ??= fold(this.wholeText());
    return this.wholeFolded;
  }
}

function textsOf(values: readonly Scalar[]): readonly string[] {
  return values.filter((value) => value !== null).map(String);
}
