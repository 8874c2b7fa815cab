import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "vitest";
import { documentKeys } from "@provost/shared/provenance/document-keys.ts";
import { evidenceOf, haveVectors, provenance } from "../../../test/conformance/vectors.ts";

const keysAt = (path: string) => {
  const found = documentKeys(evidenceOf(readFileSync(provenance(path)), basename(path)));
  return found.kind === "keys" ? found.keys : found.why;
};

test.skipIf(!haveVectors())("published documents are filed as their publishers mean them", () => {
  expect(keysAt("slsa-verifier/testdata/gha_generic/v2.1.0/binary-linux-amd64-push-v14.2.intoto.jsonl")).toMatchObject({
    kind: "sigstore-bundle",
    repositories: ["github.com/slsa-framework/example-package"],
    signers: [
      "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@refs/tags/v2.1.0",
      "https://token.actions.githubusercontent.com https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@refs/tags/v2.1.0",
    ],
    predicates: ["https://slsa.dev/provenance/v0.2"],
  });
  expect(keysAt("gh-cli/pkg/cmd/attestation/test/data/sigstore-js-2.1.0-bundle.json")).toMatchObject({
    kind: "sigstore-bundle",
    purls: ["pkg:npm/sigstore@2.1.0"],
    repositories: ["github.com/sigstore/sigstore-js"],
    commits: ["26d16513386ffaa790b1c32f927544f1322e4194"],
  });
});
