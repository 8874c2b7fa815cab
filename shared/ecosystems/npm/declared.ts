import { boundedJson, member } from "../../lib/bounded-json.ts";
import { safeText } from "../../lib/path-text.ts";
import { isNpmName } from "./package-json.ts";

/** What a package says of itself beside its name: what it needs, and its licence. Its author's word. */
export interface Declared {
  readonly licence?: string;
  /** Names of packages, without versions: what is installed tells which one it got. */
  readonly dependencies: readonly string[];
}

/** package.json(5): dependencies, optionalDependencies, peerDependencies; license, and licenses as it once was. */
export function readNpmDeclared(bytes: Uint8Array): Declared {
  const json = boundedJson(bytes, 64);
  if (json.kind === "refused") return { dependencies: [] };
  const licence = licenceOf(json.value);
  return {
    ...(licence === undefined ? {} : { licence: safeText(licence.slice(0, 200)) }),
    dependencies: [
      ...new Set(
        ["dependencies", "optionalDependencies", "peerDependencies"].flatMap((name) =>
          keysOf(member(json.value, name)),
        ),
      ),
    ],
  };
}

const maxDependencies = 5000;

const keysOf = (value: unknown): readonly string[] =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.keys(value).filter(isNpmName).slice(0, maxDependencies)
    : [];

function licenceOf(value: unknown): string | undefined {
  const one = named(member(value, "license"));
  if (one !== undefined) return one;
  const many = member(value, "licenses");
  const names = Array.isArray(many) ? many.slice(0, 20).flatMap((item) => named(item) ?? []) : [];
  return names.length === 0 ? undefined : names.join(" OR ");
}

function named(value: unknown): string | undefined {
  const text = typeof value === "string" ? value : member(value, "type");
  return typeof text === "string" && text.trim() !== "" ? text.trim() : undefined;
}
