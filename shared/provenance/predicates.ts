/**
 * What a predicate is for. `publication`: whoever signs it stands behind the file. `observation`: it says something about the file
 * without vouching for it. A signature under any other type tells us nothing.
 */
export function predicateKind(predicateType: string): "publication" | "observation" | "unknown" {
  if (publications.some((one) => isVersionOf(predicateType, one))) return "publication";
  if (observations.some((one) => isVersionOf(predicateType, one))) return "observation";
  return "unknown";
}

const publications = [
  "https://slsa.dev/provenance/",
  "https://github.com/npm/attestation/tree/main/specs/publish/",
  "https://docs.pypi.org/attestations/publish/",
  "https://in-toto.io/attestation/release/",
  "https://in-toto.io/attestation/link/",
  "https://sigstore.dev/cosign/sign/",
];

const observations = [
  "https://spdx.dev/Document",
  "https://cyclonedx.org/bom",
  "https://in-toto.io/attestation/test-result/",
  "https://in-toto.io/attestation/vulns",
  "https://in-toto.io/attestation/svr/",
  "https://in-toto.io/attestation/scai/",
  "https://in-toto.io/attestation/runtime-trace/",
  "https://in-toto.io/attestation/reference/",
  "https://cosign.sigstore.dev/attestation/",
  "https://openvex.dev/ns",
  "https://slsa.dev/verification_summary/",
];

/** The type itself, or the type followed by a version: never a longer name that merely begins the same. */
function isVersionOf(predicateType: string, base: string): boolean {
  if (!predicateType.startsWith(base)) return false;
  return /^(?:\/?v?\d+(?:\.\d+){0,2}|\/?vuln\/v\d+|)$/.test(predicateType.slice(base.length));
}
