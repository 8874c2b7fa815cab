import { existsSync } from "node:fs";
import { parse } from "yaml";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { parseStrictJson } from "@provost/shared/lib/strict-json.ts";
import { defaultTrust } from "@provost/shared/provenance/default-trust.ts";
import { readTrust, type Trust } from "@provost/shared/provenance/trust.ts";
import type { Policy } from "@provost/shared/policy/policy.ts";
import type { State } from "../state/state.ts";
import { trustHeld, trustNow } from "./attested.ts";
import { maxOwnBytes } from "./read-json.ts";
import { readDocument } from "./read-document.ts";

/** A trust, and where it came from, for the person who reads along. */
export interface OwnerTrust {
  readonly trust: Trust;
  readonly from: string;
}

/**
 * `--trust`: a document in JSON or YAML, or the version of one that the server sent to this device. Without it the one that the policy
 * carries, else the newest that the server sent, and where there is none the one every owner starts from, which names no publisher.
 */
export function ownerTrust(
  named: string | undefined,
  path: (name: string) => string,
  state: State | undefined,
  policy?: Policy,
): OwnerTrust {
  if (named === undefined && policy?.trust !== undefined)
    return { trust: reading(`the trust in policy ${policy.number}`, policy.trust), from: "carried by the policy" };
  if (named === undefined) {
    const newest = state === undefined ? undefined : trustNow(state);
    if (newest === undefined) return { trust: reading("the trust that Provost carries", defaultTrust), from: carried };
    return {
      trust: reading(`the trust ${newest.version}`, JSON.parse(newest.document)),
      from: "the newest the server sent",
    };
  }
  const held = existsSync(path(named)) || state === undefined ? undefined : trustHeld(state, named);
  if (held !== undefined)
    return { trust: reading(`the trust ${named}`, JSON.parse(held)), from: "a version the server sent" };
  if (named === defaultTrust.version && !existsSync(path(named)))
    return { trust: reading("the trust that Provost carries", defaultTrust), from: carried };
  return { trust: reading(`the trust document ${named}`, document(path(named))), from: named };
}

const carried = "carried by Provost: public Sigstore, npm, known builders; no publisher";

function reading(what: string, value: unknown): Trust {
  const read = readTrust(value);
  if (read.ok) return read.trust;
  throw wrong(what, read.why);
}

function document(path: string): unknown {
  const bytes = readDocument("the trust document", path, maxOwnBytes);
  if (bytes.toString("latin1").trimStart().startsWith("{")) {
    const json = parseStrictJson(bytes);
    if (json.ok) return json.value;
    throw wrong(`the trust document ${path}`, json.why);
  }
  try {
    // Aliases are refused: a few lines of them can stand for gigabytes.
    return parse(bytes.toString("utf8"), { maxAliasCount: 0, uniqueKeys: true, schema: "core" }) as unknown;
  } catch (cause) {
    throw wrong(
      `the trust document ${path}`,
      cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "it is not YAML",
    );
  }
}

const wrong = (what: string, why: string): AppError =>
  new AppError("CONFIG_INVALID", `${what} is not read: ${why}`, {
    remedy: "see docs/operate/verify.md for what it may hold",
  });
