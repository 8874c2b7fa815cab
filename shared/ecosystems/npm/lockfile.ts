import { boundedJson, member, textMember } from "../../lib/bounded-json.ts";
import { isNpmVersion, plainRelative } from "./package-json.ts";

/** What a lockfile says of the package at one place, named by its folder relative to the lockfile's project. */
export interface LockedPackage {
  readonly version?: string;
  /** Where it came from, without credentials. */
  readonly resolved?: string;
  readonly integrity?: string;
  /** It came inside another package's tarball, so it has no integrity of its own. */
  readonly bundled: boolean;
  readonly link: boolean;
}

export interface Lockfile {
  readonly kind: "lockfile";
  readonly packages: ReadonlyMap<string, LockedPackage>;
  /** Entries that were not believed. */
  readonly skipped: number;
}

export type LockfileReading = Lockfile | { readonly kind: "refused"; readonly why: string };

/** package-lock.json(5), versions 1 to 3, and the hidden one npm 7 keeps in node_modules. Links are never followed. */
export function readLockfile(bytes: Uint8Array): LockfileReading {
  const json = boundedJson(bytes, MAX_DEPTH);
  if (json.kind === "refused") return { kind: "refused", why: `the lockfile is ${json.why}` };
  const packages = new Map<string, LockedPackage>();
  const draft: Draft = { packages, skipped: 0 };
  const modern = member(json.value, "packages");
  const old = member(json.value, "dependencies");
  if (isObject(modern)) takeModern(draft, modern);
  else if (isObject(old)) takeOld(draft, old, "");
  else if (!isObject(json.value)) return { kind: "refused", why: "the lockfile is no object" };
  return { kind: "lockfile", packages, skipped: draft.skipped };
}

interface Draft {
  readonly packages: Map<string, LockedPackage>;
  skipped: number;
}

// A version 1 lockfile nests two levels for each level of node_modules.
const MAX_DEPTH = 128;
const MAX_PACKAGES = 500_000;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function takeModern(draft: Draft, packages: Record<string, unknown>): void {
  for (const [place, entry] of Object.entries(packages)) {
    if (place === "") continue;
    const bundled = member(entry, "inBundle") === true;
    take(draft, place, entry, bundled, member(entry, "link") === true);
  }
}

function takeOld(draft: Draft, dependencies: Record<string, unknown>, below: string): void {
  for (const [name, entry] of Object.entries(dependencies)) {
    const place = `${below}node_modules/${name}`;
    const linked = textMember(entry, "version")?.startsWith("file:") === true;
    take(draft, place, entry, member(entry, "bundled") === true, linked);
    const nested = member(entry, "dependencies");
    if (isObject(nested)) takeOld(draft, nested, `${place}/`);
  }
}

function take(draft: Draft, place: string, entry: unknown, bundled: boolean, link: boolean): void {
  if (plainRelative(place) !== place || !isObject(entry) || draft.packages.size >= MAX_PACKAGES) {
    draft.skipped += 1;
    return;
  }
  const version = textMember(entry, "version");
  const resolved = textMember(entry, "resolved");
  const integrity = textMember(entry, "integrity");
  draft.packages.set(place, {
    bundled,
    link,
    ...(version !== undefined && isNpmVersion(version) && { version }),
    ...(resolved !== undefined && { resolved: withoutCredentials(resolved.slice(0, MAX_TEXT)) }),
    ...(integrity !== undefined && integrity.length <= MAX_TEXT && { integrity }),
  });
}

const MAX_TEXT = 4096;
const withoutCredentials = (url: string): string => url.replace(/^([a-z+]+:\/\/)[^/]*@/i, "$1");
