import type { Wanted } from "../upstreams/upstream.ts";

/** A package that a device has, as far as it matters where it came from. */
export interface RegistryPackage {
  readonly ecosystem: "npm" | "pypi";
  readonly name: string;
  readonly version: string;
  readonly origin?: string;
}

/**
 * What is asked for about a package: undefined where the device says that it came from elsewhere. A name that only its owner knows must
 * not be told to a public registry, so a scoped npm package counts only where a lockfile says that it came from there.
 */
export function wantedOfPackage(
  { ecosystem, name, version, origin }: RegistryPackage,
  registries: { readonly npm: string; readonly pypi: string },
): Wanted | undefined {
  if (/\s/.test(name + version) || name === "" || version === "") return undefined;
  const wanted = { kind: "package", ecosystem, name, version } as const;
  if (ecosystem === "pypi") return origin === undefined || !/[:/]/.test(origin) ? wanted : undefined;
  const here = URL.parse(registries.npm)?.origin;
  if (origin === undefined) return name.startsWith("@") ? undefined : wanted;
  return origin === here ? wanted : undefined;
}
