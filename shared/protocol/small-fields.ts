import * as z from "zod/mini";
import type { Purl as PurlText, Sha256 } from "../model/ids.ts";

/**
 * The fields of fields.ts in the schema library's small form, for what a daemon reads and checks by itself: the large form costs it
 * megabytes on every device.
 */
export const text = (max: number) => z.string().check(z.maxLength(max));
export const base64 = (max: number) => text(max).check(z.regex(/^[A-Za-z0-9+/_-]*={0,2}$/));
export const count = z.int().check(z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER));
export const digest = z.pipe(
  z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  z.transform((hex: string) => hex as Sha256),
);
export const Purl = z.pipe(
  text(2000),
  z.transform((purl: string) => purl as PurlText),
);
export const path = text(16_384);
/** As fields.ts says of it. */
export const placeText = path.check(
  z.refine((text) => !controls.test(text), "a control character in a path"),
  z.refine((text) => text.isWellFormed(), "not well-formed Unicode"),
);

const controls = /[\u0000-\u001f]/;
