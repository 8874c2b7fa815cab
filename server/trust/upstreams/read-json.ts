import type * as z from "zod";
import { boundedJson } from "@provost/shared/lib/bounded-json.ts";
import { malformed } from "./upstream.ts";

/** An upstream's answer as a type, once. What it says of itself is believed by nobody; it only leads to documents. */
export function readJson<T extends z.ZodType>(schema: T, bytes: Uint8Array, what: string): z.infer<T> {
  const json = boundedJson(bytes, 64);
  if (json.kind === "refused") throw malformed(`${what} is ${json.why}`);
  const parsed = schema.safeParse(json.value);
  if (parsed.success) return parsed.data;
  throw malformed(`${what} is malformed: ${parsed.error.issues[0]?.path.join(".") ?? ""}`);
}
