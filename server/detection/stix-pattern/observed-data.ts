/** What a bundle says was observed: observed-data objects with the objects they refer to. */
import * as z from "zod";
import { PatternFault } from "./pattern.ts";
import { readTime } from "./time.ts";

export type StixObject = Readonly<Record<string, unknown>> & { readonly type: string; readonly id: string };

export interface Observation {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly first: number;
  readonly last: number;
  /** How many times it was seen; each can stand for one part of a pattern. */
  readonly count: number;
  readonly objects: readonly StixObject[];
}

export interface ObservedData {
  readonly observations: readonly Observation[];
  /** All objects, for references from one to another. */
  readonly byId: ReadonlyMap<string, StixObject>;
}

const most = { observations: 10_000, objects: 100_000 };

const anyObject = z.looseObject({ type: z.string().max(256), id: z.string().max(512) });
const observedData = z.looseObject({
  type: z.literal("observed-data"),
  id: z.string().max(512),
  first_observed: z.string().max(64),
  last_observed: z.string().max(64),
  number_observed: z.number().int().min(1).max(999_999_999),
  object_refs: z.array(z.string().max(512)).max(most.objects).optional(),
});
const bundle = z.looseObject({ type: z.literal("bundle"), objects: z.array(anyObject).max(most.objects) });

export function readObservedData(bundles: readonly unknown[]): ObservedData {
  const byId = new Map<string, StixObject>();
  const observations: Observation[] = [];
  const parsed = bundles.map((one) => {
    const read = bundle.safeParse(one);
    if (!read.success) throw new PatternFault("what was observed is no bundle of STIX objects");
    return read.data.objects;
  });
  for (const object of parsed.flat()) byId.set(object.id, object);
  for (const object of parsed.flat()) {
    if (object.type !== "observed-data") continue;
    const read = observedData.safeParse(object);
    const [first, last] = [readTime(read.data?.first_observed ?? ""), readTime(read.data?.last_observed ?? "")];
    if (!read.success || first === undefined || last === undefined)
      throw new PatternFault(`${object.id} is no observed-data of STIX 2.1`);
    if (observations.length >= most.observations) throw new PatternFault(`more than ${most.observations} observations`);
    observations.push({
      id: object.id,
      first: Number(first) / 1e6,
      last: Number(last) / 1e6,
      count: read.data.number_observed,
      objects: (read.data.object_refs ?? []).flatMap((id) => byId.get(id) ?? []),
    });
  }
  return { observations, byId };
}
