import type { Recent } from "./rules/rule.ts";

const mostKeys = 20_000;
const mostValues = 32;

interface Noted {
  readonly value: string;
  readonly at: number;
}

/** A short memory of one device, bounded: what was noted longest ago is forgotten first. */
export function openRecent(): Recent {
  const notes = new Map<string, Noted[]>();
  return {
    note(what, key, value, at) {
      const name = `${what}\n${key}`;
      const held = notes.get(name)?.filter((one) => one.value !== value) ?? [];
      notes.delete(name);
      notes.set(name, [...held, { value, at }].slice(-mostValues));
      const [first] = notes.keys();
      if (notes.size > mostKeys && first !== undefined) notes.delete(first);
    },
    find: (what, key, at, withinMs) =>
      (notes.get(`${what}\n${key}`) ?? [])
        .filter((one) => at - one.at <= withinMs && one.at <= at + 60_000)
        .map(({ value }) => value),
  };
}
