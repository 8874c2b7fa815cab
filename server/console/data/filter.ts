/** How one property of a filter is written in the page's address. What cannot be read is left out, never guessed. */
export interface Field<T> {
  read(text: string): T | undefined;
  write(value: T): string;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type Filter<F extends Fields> = { readonly [K in keyof F]?: F[K] extends Field<infer T> ? T : never };

/** The filter an address asks for. */
export function readFilter<F extends Fields>(fields: F, search: Readonly<Record<string, unknown>>): Filter<F> {
  const read = Object.entries(fields).map(([name, field]): [string, unknown] => {
    const text = search[name];
    return [name, typeof text === "string" && text !== "" ? field.read(text) : undefined];
  });
  return Object.fromEntries(read.filter(([, value]) => value !== undefined)) as Filter<F>;
}

/** The address's search, and, by design of the API, also the query sent to the server. */
export function writeFilter<F extends Fields>(fields: F, filter: Filter<F>): Record<string, string> {
  const written: Record<string, string> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = filter[name];
    const text = value === undefined ? "" : field.write(value);
    if (text !== "") written[name] = text;
  }
  return written;
}

/** The filter with some properties changed; `undefined` takes one away. */
export function changed<F extends Fields>(
  filter: Filter<F>,
  change: { readonly [K in keyof Filter<F>]?: Filter<F>[K] | undefined },
): Filter<F> {
  const entries = Object.entries({ ...filter, ...change }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Filter<F>;
}

/** Several of a closed list, kept in the list's order so that one filter has one address. */
export const manyOf = <T extends string>(values: readonly T[]): Field<readonly T[]> => ({
  read: (text) => {
    const asked = new Set(text.split(","));
    const chosen = values.filter((value) => asked.has(value));
    return chosen.length === 0 ? undefined : chosen;
  },
  write: (chosen) => values.filter((value) => chosen.includes(value)).join(","),
});

export const oneOf = <T extends string>(values: readonly T[]): Field<T> => ({
  read: (text) => values.find((value) => value === text),
  write: (value) => value,
});

export const words = (max: number): Field<string> => ({
  read: (text) => text.slice(0, max),
  write: (text) => text.slice(0, max),
});

/** Milliseconds since 1970. */
export const moment: Field<number> = {
  read: (text) => (/^\d{1,16}$/.test(text) && Number(text) <= latest ? Number(text) : undefined),
  write: String,
};
/** What a Date can be. */
const latest = 8_640_000_000_000_000;

export const yesNo: Field<boolean> = {
  read: (text) => (text === "true" ? true : text === "false" ? false : undefined),
  write: String,
};

/** Adds what is not chosen, takes away what is; none left means no filter. */
export function toggled<T>(chosen: readonly T[] | undefined, value: T): readonly T[] | undefined {
  const rest = (chosen ?? []).filter((each) => each !== value);
  const next = rest.length === (chosen ?? []).length ? [...rest, value] : rest;
  return next.length === 0 ? undefined : next;
}
