import { AppError } from "@provost/shared/lib/app-error.ts";
import { parseStrictJson } from "@provost/shared/lib/strict-json.ts";
import { readDocument } from "./read-document.ts";

/** A JSON document of the owner's own: a trusted root, a signing configuration, a predicate. */
export function readJson(what: string, path: string): unknown {
  const json = parseStrictJson(readDocument(what, path, maxOwnBytes));
  if (json.ok) return json.value;
  throw new AppError("CONFIG_INVALID", `${what} ${path} is not read: ${json.why}`, {
    remedy: "give one JSON document",
  });
}

export const maxOwnBytes = 16 * 1024 * 1024;
