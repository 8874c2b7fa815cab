import * as z from "zod";
import type { Purl as PurlText, Sha256 } from "../model/ids.ts";

/** The fields that messages are made of, each with its bound. */
export const text = (max: number) => z.string().max(max);
export const base64 = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[A-Za-z0-9+/_-]*={0,2}$/);
export const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
export const digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .transform((hex) => hex as Sha256);
export const path = text(16_384);
/**
 * What a file is known by, as path-text.ts writes it: control characters are escaped there, so none can stand here; and half a
 * surrogate pair has no bytes, so that two such texts would be one in a database.
 */
export const placeText = path
  .refine((text) => !controls.test(text), "a control character in a path")
  .refine((text) => text.isWellFormed(), "not well-formed Unicode");

const controls = /[\u0000-\u001f]/;

export const Purl = text(2000).transform((purl) => purl as PurlText);
