import * as z from "zod";
import { readJson } from "../read-json.ts";
import { upstreamLimits, type Upstream } from "../upstream.ts";

/**
 * A Python index: the project's list of files (PEP 691), and for those of the version that have one, the provenance object (PEP
 * 740). The list says which have one, so that nothing is asked for in vain.
 */
export function pypiIndex(index: string): Upstream {
  const base = index.replace(/\/$/, "");
  return {
    id: "pypi",
    refreshMs: 3 * 86_400_000,
    sources: [],
    knows: (wanted) => wanted.kind === "package" && wanted.ecosystem === "pypi",
    async *pull(wanted, ask) {
      if (wanted.kind !== "package") return;
      const project = wanted.name.toLowerCase().replace(/[-_.]+/g, "-");
      const list = await ask({
        url: `${base}/simple/${encodeURIComponent(project)}/`,
        accept: "application/vnd.pypi.simple.v1+json",
        maxBytes: upstreamLimits.indexBytes,
      });
      if (list === undefined) return;
      for (const { filename, provenance } of filesWithProvenance(list.bytes, project, wanted.version)) {
        const url = URL.parse(provenance, `${base}/simple/`);
        // The list may only lead on to the index that gave it.
        if (url === null || url.origin !== new URL(base).origin) continue;
        const answer = await ask({
          url: url.href,
          accept: "application/vnd.pypi.integrity.v1+json",
          maxBytes: upstreamLimits.documentBytes,
          onlyIfNew: true,
        });
        if (answer !== undefined) yield { bytes: answer.bytes, name: `${filename}.provenance` };
      }
    },
  };
}

export function filesWithProvenance(
  bytes: Uint8Array,
  project: string,
  version: string,
): readonly { readonly filename: string; readonly provenance: string }[] {
  const { files } = readJson(Simple, bytes, "the index's list of files");
  return files
    .filter(({ filename }) => isOfVersion(filename, project, version))
    .flatMap(({ filename, provenance }) => (provenance ? [{ filename, provenance }] : []))
    .slice(0, upstreamLimits.documents);
}

const Simple = z.object({
  files: z.array(z.object({ filename: z.string().max(500), provenance: z.string().max(2000).nullish() })).max(100_000),
});

/** PEP 427 and PEP 625: name and version are the first two parts of a wheel's name, and all of a source archive's. */
function isOfVersion(filename: string, project: string, version: string): boolean {
  const bare = filename.toLowerCase();
  const stem = bare.endsWith(".whl")
    ? bare.split("-").slice(0, 2).join("-")
    : bare.replace(/\.(?:tar\.gz|tar\.bz2|zip)$/, "");
  return stem.replace(/[-_.]+/g, "-") === `${project}-${version}`.toLowerCase().replace(/[-_.]+/g, "-");
}
