import { Unzlib } from "fflate";
import { member, textMember } from "../lib/bounded-json.ts";
import { safeText } from "../lib/path-text.ts";
import { parseStrictJson } from "../lib/strict-json.ts";

/** A crate that cargo-auditable says went into a program. Unsigned, and anybody may write it. */
export interface AuditableCrate {
  readonly name: string;
  readonly version: string;
  /** "crates.io", "git", "local" or what else it says. */
  readonly source: string;
  readonly root: boolean;
  /** Positions in the same list. */
  readonly dependencies: readonly number[];
}

/** The section .dep-v0: JSON, compressed as zlib (RFC 1950). Undefined: it is malformed or larger than is read. */
export function readCargoAuditable(section: Uint8Array): readonly AuditableCrate[] | undefined {
  const bytes = inflated(section);
  const json = bytes && parseStrictJson(bytes, { bytes: maxBytes, depth: 16 });
  if (json === undefined || !json.ok) return undefined;
  const packages = member(json.value, "packages");
  if (!Array.isArray(packages) || packages.length > maxCrates) return undefined;
  const crates = packages.map((item) => crateOf(item, packages.length));
  return crates.includes(undefined) ? undefined : crates.filter((one) => one !== undefined);
}

const maxBytes = 16 * 1024 * 1024;
const maxCrates = 20_000;
const pieceBytes = 64 * 1024;

/** Piece by piece, so that what grows beyond the bound is noticed before it is there. */
function inflated(section: Uint8Array): Uint8Array | undefined {
  const held = { bytes: new Uint8Array(0), ended: false };
  const stream = new Unzlib((piece, last) => {
    if (held.bytes.length + piece.length > maxBytes) throw new RangeError("it is larger than is read");
    held.bytes = joined(held.bytes, piece);
    held.ended ||= last;
  });
  try {
    for (let at = 0; at < section.length; at += pieceBytes)
      stream.push(section.subarray(at, at + pieceBytes), at + pieceBytes >= section.length);
  } catch {
    return undefined;
  }
  return held.ended ? held.bytes : undefined;
}

function joined(before: Uint8Array, more: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(before.length + more.length);
  whole.set(before);
  whole.set(more, before.length);
  return whole;
}

function crateOf(item: unknown, count: number): AuditableCrate | undefined {
  const name = textMember(item, "name");
  const version = textMember(item, "version");
  const source = textMember(item, "source");
  const dependencies = member(item, "dependencies") ?? [];
  if (name === undefined || version === undefined || !Array.isArray(dependencies)) return undefined;
  return {
    name: safeText(name.slice(0, 200)),
    version: safeText(version.slice(0, 200)),
    source: safeText((source ?? "").slice(0, 200)),
    root: member(item, "root") === true,
    dependencies: dependencies.filter(
      (at): at is number => Number.isInteger(at) && typeof at === "number" && at >= 0 && at < count,
    ),
  };
}
