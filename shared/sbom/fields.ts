import { unreadable } from "../provenance/refusal.ts";
import { instant, type Instant } from "../model/ids.ts";
import { sbomLimits } from "./limits.ts";

/** Members of JSON from outside, each of the type that its format gives it. The wrong type makes the document unreadable. */
export type Json = Readonly<Record<string, unknown>>;

export function objectOf(value: unknown, where: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unreadable(`${where} is no object`);
  return value as Json;
}

export function objectAt(parent: Json, name: string, where: string): Json | undefined {
  const value = at(parent, name);
  return value === undefined ? undefined : objectOf(value, `${where}.${name}`);
}

/** None where the member is absent. */
export function listAt(parent: Json, name: string, where: string, most: number): readonly unknown[] {
  const value = at(parent, name);
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw unreadable(`${where}.${name} is no list`);
  if (value.length > most) throw unreadable(`${where}.${name} has ${value.length} entries, more than ${most}`);
  return value as readonly unknown[];
}

/** An empty text says as little as none. */
export function textAt(parent: Json, name: string, where: string): string | undefined {
  const value = at(parent, name);
  if (value === undefined || value === "") return undefined;
  return textOf(value, `${where}.${name}`);
}

export function textOf(value: unknown, where: string): string {
  if (typeof value !== "string") throw unreadable(`${where} is no text`);
  if (value.length > sbomLimits.text) throw unreadable(`${where} has more than ${sbomLimits.text} characters`);
  return value;
}

export function neededText(parent: Json, name: string, where: string): string {
  const value = textAt(parent, name, where);
  if (value === undefined) throw unreadable(`${where}.${name} is missing`);
  return value;
}

/** RFC 3339, as every one of these formats writes times. */
export function timeAt(parent: Json, name: string, where: string): Instant | undefined {
  const text = textAt(parent, name, where);
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(time)) throw unreadable(`${where}.${name} is no time`);
  return instant(time);
}

/** A member of the object itself: what a name inherits is nobody's word. */
const at = (parent: Json, name: string): unknown => (Object.hasOwn(parent, name) ? parent[name] : undefined);
