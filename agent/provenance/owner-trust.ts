import { parse } from "yaml";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { parseStrictJson } from "@provost/shared/lib/strict-json.ts";
import { defaultTrust } from "@provost/shared/provenance/default-trust.ts";
import { readTrust, type Trust } from "@provost/shared/provenance/trust.ts";
import { maxOwnBytes } from "./read-json.ts";
import { readDocument } from "./read-document.ts";

/** `--trust FILE`, in JSON or YAML; without it the trust every owner starts from, which names no publisher. */
export function ownerTrust(path: string | undefined): Trust {
  const read = readTrust(path === undefined ? defaultTrust : document(path));
  if (read.ok) return read.trust;
  throw wrong(path ?? "", read.why);
}

function document(path: string): unknown {
  const bytes = readDocument("the trust document", path, maxOwnBytes);
  if (bytes.toString("latin1").trimStart().startsWith("{")) {
    const json = parseStrictJson(bytes);
    if (json.ok) return json.value;
    throw wrong(path, json.why);
  }
  try {
    // Aliases are refused: a few lines of them can stand for gigabytes.
    return parse(bytes.toString("utf8"), { maxAliasCount: 0, uniqueKeys: true, schema: "core" }) as unknown;
  } catch (cause) {
    throw wrong(path, cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "it is not YAML");
  }
}

const wrong = (path: string, why: string): AppError =>
  new AppError("CONFIG_INVALID", `the trust document ${path} is not read: ${why}`, {
    remedy: "see docs/operate/verify.md for what it may hold",
  });
