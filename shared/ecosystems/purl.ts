import { PackageURL } from "packageurl-js";
import type { Purl } from "../model/ids.ts";
import { asItsType, withPlainName, type PurlParts } from "./purl-types.ts";

export type { PurlParts } from "./purl-types.ts";

/** Canonical form (ECMA-427). Undefined when the parts make no package URL. */
export function buildPurl(parts: PurlParts): Purl | undefined {
  const checked = asItsType(parts);
  if (checked === undefined) return undefined;
  try {
    const { type, namespace, name, version, qualifiers, subpath } = withPlainName(checked);
    return canonical(new PackageURL(type, namespace, name, version, qualifiers && { ...qualifiers }, subpath));
  } catch {
    return undefined;
  }
}

/**
 * The parts of what is written. The published cases refuse a qualifier whose key begins with a capital here, and mend it where a
 * canonical form is asked for, as `canonicalPurl` does.
 */
export function parsePurl(text: string): PurlParts | undefined {
  return capitalKey.test(text.slice(0, MAX_PURL)) ? undefined : mendedPurl(text);
}

/** The same package URL in canonical form, so that two spellings compare equal. */
export function canonicalPurl(text: string): Purl | undefined {
  const parts = mendedPurl(text);
  return parts && buildPurl(parts);
}

/** `vendor` is os-release's ID. `distro` is given only where one device mixes releases; apt's own do not. */
export const debPurl = (vendor: string, name: string, version: string, arch: string, distro?: string) =>
  buildPurl({ type: "deb", namespace: vendor, name, version, qualifiers: { arch, ...(distro && { distro }) } });

export function npmPurl(name: string, version: string): Purl | undefined {
  const slash = name.startsWith("@") ? name.indexOf("/") : -1;
  const namespace = slash === -1 ? {} : { namespace: name.slice(0, slash) };
  return buildPurl({ type: "npm", ...namespace, name: name.slice(slash + 1), version });
}

export const pypiPurl = (name: string, version: string) => buildPurl({ type: "pypi", name, version });

const MAX_PURL = 4096;
const capitalKey = /^[^?#]*\?(?:[^#]*&)?[A-Z]/;
// "pkg:type/@1.0" has a version and no name; the library takes the whole for a name.
const nameless = /^[^?#]*\/@[^/?#@]*(?:[?#]|$)/;

function mendedPurl(text: string): PurlParts | undefined {
  if (text.length > MAX_PURL || !text.startsWith("pkg:") || nameless.test(text)) return undefined;
  try {
    const { type, namespace, name, version, qualifiers, subpath } = PackageURL.fromString(text);
    if (type === undefined || name === undefined) return undefined;
    return asItsType({
      type,
      name,
      ...(namespace && { namespace }),
      ...(version && { version }),
      ...(qualifiers && { qualifiers: strings(qualifiers) }),
      ...(subpath && { subpath }),
    });
  } catch {
    return undefined;
  }
}

// ECMA-427 5.4: ":" is never encoded, and "+" always is; the library encodes the first and leaves the second in versions.
const canonical = (purl: PackageURL): Purl => purl.toString().replaceAll("+", "%2B").replaceAll("%3A", ":") as Purl;

const strings = (qualifiers: object): Record<string, string> =>
  Object.fromEntries(Object.entries(qualifiers).map(([key, value]) => [key, String(value)]));
