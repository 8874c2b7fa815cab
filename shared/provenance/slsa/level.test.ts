import { expect, test } from "vitest";
import type { CertificateSigner } from "../sigstore/signer.ts";
import { readTrust, type Trust } from "../trust.ts";
import { hostedRunners, knownBuilders } from "./known-builders.ts";
import { levelOf } from "./level.ts";
import type { Provenance } from "./provenance.ts";

const generator = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/";
const own = "https://github.com/o/r/.github/workflows/release.yml@refs/tags/v1";
const runner = "https://github.com/actions/runner";

function trust(): Trust {
  const read = readTrust({ builders: [...knownBuilders, ...hostedRunners] });
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}

const signer = (identity: string, more: Partial<CertificateSigner> = {}): CertificateSigner => ({
  kind: "certificate",
  authority: "a",
  issuer: "https://token.actions.githubusercontent.com",
  identity,
  identityKind: "uri",
  fingerprint: "f",
  workload: { runner: "github-hosted" },
  ...more,
});

const by = (builderId: string): Provenance => ({
  predicateType: "https://slsa.dev/provenance/v1",
  builderId,
  buildType: "t",
  source: {},
  build: { inputs: {} },
  dependencies: [],
});

const generic = `${generator}generator_generic_slsa3.yml@refs/tags/v2.1.0`;
const delegator = `${generator}delegator_generic_slsa3.yml@refs/tags/v2.1.0`;
const maven = `${generator}builder_maven_slsa3.yml@refs/tags/v2.1.0`;

test.each<[string, string, CertificateSigner, number | undefined]>([
  ["the generator signs for itself", generic, signer(generic), 3],
  ["a delegator signs for its tool", maven, signer(delegator), 3],
  ["a tool does not sign for itself", maven, signer(maven), 2],
  ["a project claims to be the generator", generic, signer(own), undefined],
  [
    "the generator from a branch",
    generic.replace("tags/v2.1.0", "heads/main"),
    signer(generic.replace("tags/v2.1.0", "heads/main")),
    2,
  ],
  [
    "a fork of the generator",
    generic.replace("slsa-framework", "evil"),
    signer(generic.replace("slsa-framework", "evil")),
    2,
  ],
  ["the same identity from another issuer", generic, signer(generic, { issuer: "https://evil.example" }), undefined],
  ["npm on a hosted runner", `${runner}/github-hosted`, signer(own), 2],
  ["npm of old on a hosted runner", runner, signer(own), 2],
  [
    "npm on a runner of its own",
    `${runner}/github-hosted`,
    signer(own, { workload: { runner: "self-hosted" } }),
    undefined,
  ],
  ["a project's workflow signs for itself", own, signer(own), 2],
  ["a project's workflow signs for another", own, signer(own.replace("/r/", "/r2/")), undefined],
  ["a builder nobody knows", "https://example.com/builder", signer(own), undefined],
])("%s", (_name, builderId, who, level) => {
  expect(levelOf(by(builderId), who, trust())).toBe(level);
});
