import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { ChainLink } from "@provost/shared/model/verdict.ts";
import type { PackageProof, SignedBuild } from "@provost/shared/provenance/package-proof.ts";
import type { EvidenceStore } from "./evidence-store.ts";
import type { ManifestStore, PackageState } from "./manifest-store.ts";

/** Puts a proof together from its parts: the chain of this archive, and the manifest that every device shares. */
export function packageProof(
  state: PackageState | undefined,
  parts: { readonly store: ManifestStore; readonly evidence: EvidenceStore },
): PackageProof | undefined {
  if (state === undefined || state.state === "pending") return undefined;
  if (state.state !== "derived") return { state: state.state, says: state.says, wanted: state.wanted };
  const [first, ...otherBuilds] = state.builds.flatMap(
    ({ archive, links }) => signedBuild(state, archive, links, parts) ?? [],
  );
  if (first === undefined)
    return {
      state: "failed",
      says: "the manifest is missing from the evidence library",
      wanted: "a restored evidence library",
    };
  return { state: "derived", says: state.says, ...first, otherBuilds };
}

type Manifest = Omit<SignedBuild, "archive" | "links">;

function signedBuild(
  { name, version, arch }: PackageState,
  archive: Sha256,
  links: readonly ChainLink[],
  { store, evidence }: { readonly store: ManifestStore; readonly evidence: EvidenceStore },
): SignedBuild | undefined {
  const manifest = store.manifest(archive);
  const document = manifest?.state === "derived" ? evidence.get(manifest.evidence.sha256) : undefined;
  if (manifest?.state !== "derived" || document === undefined) return undefined;
  const { files, symlinks, scripts, conffiles, diversions, alternatives } = JSON.parse(
    new TextDecoder().decode(document.bytes),
  ) as Manifest;
  const link: ChainLink = {
    link: "package",
    state: "verified",
    says: `${name} ${version} ${arch} holds ${files.length} files, each with its SHA-256.`,
    facts: { package: name, version, architecture: arch, files: String(files.length) },
    evidence: [manifest.evidence],
  };
  return { archive, links: [...links, link], files, symlinks, scripts, conffiles, diversions, alternatives };
}
