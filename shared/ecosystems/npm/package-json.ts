import { boundedJson, member, textMember } from "../../lib/bounded-json.ts";

export interface PackageJson {
  readonly kind: "package";
  readonly name: string;
  readonly version: string;
  /** Files npm makes executable, relative to the package's folder. */
  readonly bins: ReadonlySet<string>;
}

export type PackageJsonReading = PackageJson | { readonly kind: "refused"; readonly why: string };

/** package.json(5), as far as an inventory needs it. */
export function readPackageJson(bytes: Uint8Array): PackageJsonReading {
  const json = boundedJson(bytes, MAX_DEPTH);
  if (json.kind === "refused") return { kind: "refused", why: `package.json is refused: ${json.why}` };
  const name = member(json.value, "name");
  const version = member(json.value, "version");
  if (typeof name !== "string" || typeof version !== "string") return refused("it has no name and version in text");
  if (!isNpmName(name)) return refused("its name is not a package name");
  return isNpmVersion(version)
    ? { kind: "package", name, version, bins: bins(json.value) }
    : refused("its version is malformed");
}

/** validate-npm-package-name, old names included: no "..", no space, at most one scope. */
export const isNpmName = (name: string): boolean =>
  name.length <= 214 &&
  /^(?:@[^\s/@\\\u0000-\u001f\u007f]+\/)?[^\s/@.\\\u0000-\u001f\u007f][^\s/@\\\u0000-\u001f\u007f]*$/.test(name);

export const isNpmVersion = (version: string): boolean => version.length <= 256 && /^[!-~]+$/.test(version);

/** As a lockfile and a tarball name paths: no leading "./", nothing that climbs. */
export function plainRelative(path: string): string | undefined {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return path.startsWith("/") || parts.includes("..") || parts.length === 0 ? undefined : parts.join("/");
}

const MAX_DEPTH = 64;
const refused = (why: string): PackageJsonReading => ({ kind: "refused", why: `package.json is refused: ${why}` });

function bins(json: unknown): ReadonlySet<string> {
  const bin = member(json, "bin");
  const named = typeof bin === "string" ? [bin] : typeof bin === "object" && bin !== null ? Object.values(bin) : [];
  const paths = named.map((path) => (typeof path === "string" ? plainRelative(path) : undefined));
  const folder = textMember(member(json, "directories"), "bin");
  return new Set(
    [...paths, folder === undefined ? undefined : `${plainRelative(folder)}/`].filter((path) => path !== undefined),
  );
}
