import type { TrustDocument } from "../trust.ts";

/**
 * Builders whose isolation is published, with the level each documents for itself. A starting point for the owner's own table: it
 * is part of no verdict until it stands in a trust document.
 */
export const knownBuilders: NonNullable<TrustDocument["builders"]> = [
  ...["generator_generic_slsa3", "builder_go_slsa3", "generator_container_slsa3", "builder_container-based_slsa3"].map(
    (workflow) => ({
      builder: { pattern: generatorPattern(workflow) },
      signer: { issuer: githubActions(), identity: { pattern: generatorPattern(workflow) } },
      level: 3 as const,
      sameAsSigner: true,
    }),
  ),
  // A delegator signs for the tool it ran: slsa-github-generator, "Bring your own builder".
  ...["nodejs", "maven", "gradle", "bazel"].map((tool) => ({
    builder: { pattern: generatorPattern(`builder_${tool}_slsa3`) },
    signer: {
      issuer: githubActions(),
      identity: { pattern: generatorPattern("delegator_(?:lowperms-)?generic_slsa3") },
    },
    level: 3 as const,
  })),
];

/** npm's own provenance and GitHub's attestations: the platform is GitHub's, the workflow is the project's. */
export const hostedRunners: NonNullable<TrustDocument["builders"]> = [
  {
    builder: { exact: "https://github.com/actions/runner/github-hosted" },
    signer: {
      issuer: githubActions(),
      identity: { pattern: String.raw`https://github\.com/[^/@]+/[^/@]+/\.github/workflows/[^@]+@refs/.+` },
    },
    level: 2,
    runner: "github-hosted",
  },
  {
    builder: { pattern: String.raw`https://github\.com/[^/@]+/[^/@]+/\.github/workflows/[^@]+@refs/.+` },
    signer: {
      issuer: githubActions(),
      identity: { pattern: String.raw`https://github\.com/[^/@]+/[^/@]+/\.github/workflows/[^@]+@refs/.+` },
    },
    level: 2,
    sameAsSigner: true,
    runner: "github-hosted",
  },
];

/**
 * Google Cloud Build signs with keys of its own, one for each region and era. The owner adds those keys (uses "envelope") and names
 * them here by their ids.
 */
export function cloudBuildBuilders(keyIds: readonly string[]): NonNullable<TrustDocument["builders"]> {
  return keyIds.map((keyId) => ({
    builder: { pattern: String.raw`https://cloudbuild\.googleapis\.com/GoogleHostedWorker(?:@v\d+(?:\.\d+)?)?` },
    signer: { keyId },
    level: 3,
  }));
}

function githubActions(): string {
  return "https://token.actions.githubusercontent.com";
}

/** Released versions only: a branch of the generator can be anything. */
function generatorPattern(workflow: string): string {
  const home = String.raw`https://github\.com/slsa-framework/slsa-github-generator/\.github/workflows/`;
  return `${home}${workflow}${String.raw`\.yml@refs/tags/v\d+\.\d+\.\d+`}`;
}
