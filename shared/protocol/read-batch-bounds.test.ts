import { expect, test } from "vitest";
import * as z from "zod";
import { Frame } from "./frames.ts";
import { most } from "./read-batch.ts";

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly oneOf?: readonly Shape[];
  readonly anyOf?: readonly Shape[];
  readonly type?: string;
  readonly maxItems?: number;
}

/** Every list of every frame: its name, and the most members that its schema takes. */
function lists(shape: Shape, name = ""): readonly (readonly [string, number])[] {
  const own = shape.type === "array" ? [[name, shape.maxItems ?? Number.POSITIVE_INFINITY] as const] : [];
  return [
    ...own,
    ...[shape.items ?? {}].flatMap((one) => (shape.items === undefined ? [] : lists(one, name))),
    ...[...(shape.oneOf ?? []), ...(shape.anyOf ?? [])].flatMap((one) => lists(one, name)),
    ...Object.entries(shape.properties ?? {}).flatMap(([member, one]) => lists(one, member)),
  ];
}

const all = lists(z.toJSONSchema(Frame, { io: "input" }) as Shape);

test("the frames' lists are found", () => {
  expect(all.map(([name]) => name)).toEqual(expect.arrayContaining(["upserts", "records", "proofs", "attested"]));
});

test.each(all)("the list %s is let through the look that precedes its schema, which bounds it by %d", (name, max) => {
  expect(max).toBeLessThanOrEqual(most[name] ?? 0);
});
