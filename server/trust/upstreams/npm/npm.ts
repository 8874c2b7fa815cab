import { upstreamLimits, type Upstream } from "../upstream.ts";

/**
 * The npm registry: both attestations of a version as one document, and the version's manifest, which carries the registry's
 * signature. npm's own client asks the same two addresses (`npm audit signatures`).
 */
export function npmRegistry(registry: string): Upstream {
  const base = registry.replace(/\/$/, "");
  return {
    id: "npm",
    refreshMs: 3 * 86_400_000,
    sources: [],
    knows: (wanted) => wanted.kind === "package" && wanted.ecosystem === "npm" && isName(wanted.name),
    async *pull(wanted, ask) {
      if (wanted.kind !== "package") return;
      const { name, version } = wanted;
      const path = name.replace("/", "%2f");
      const attestations = await ask({
        url: `${base}/-/npm/v1/attestations/${path}@${encodeURIComponent(version)}`,
        maxBytes: upstreamLimits.documentBytes,
        onlyIfNew: true,
      });
      if (attestations !== undefined && holdsAttestations(attestations.bytes))
        yield { bytes: attestations.bytes, name: `${name}@${version} attestations` };
      const manifest = await ask({
        url: `${base}/${path}/${encodeURIComponent(version)}`,
        maxBytes: maxManifestBytes,
        onlyIfNew: true,
      });
      if (manifest !== undefined && holdsSignature(manifest.bytes))
        yield { bytes: manifest.bytes, name: `${name}@${version} manifest` };
    },
  };
}

/** What a device calls a package becomes a part of an address: only names that npm gives (validate-npm-package-name, old ones included). */
const isName = (name: string): boolean =>
  name.length <= 214 && /^(?:@[A-Za-z0-9~][A-Za-z0-9._~-]*\/)?[A-Za-z0-9~_-][A-Za-z0-9._~-]*$/.test(name);

const maxManifestBytes = 1024 * 1024;

/** A registry without attestations for a version may answer with an empty list. */
const holdsAttestations = (bytes: Buffer): boolean => bytes.includes('"bundle"');
/** Versions from before 2022 have none, and neither do other registries. */
const holdsSignature = (bytes: Buffer): boolean => bytes.includes('"signatures"') && bytes.includes('"keyid"');
