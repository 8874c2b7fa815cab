import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { componentsOf } from "@provost/shared/provenance/components.ts";
import { readBundle } from "@provost/shared/provenance/sigstore/bundle.ts";
import { checkBundle } from "@provost/shared/provenance/sigstore/check-bundle.ts";
import { firstSubject } from "../conformance/first-subject.ts";
import { haveVectors, now, provenance, publicTrust } from "../conformance/vectors.ts";

const example = "github.com/slsa-framework/example-package";

/** One of each builder family that is published with a bundle. */
test.skipIf(!haveVectors()).each([
  [
    "slsa-verifier/testdata/gha_generic/v2.1.0/binary-linux-amd64-push-v14.2.intoto.jsonl",
    example,
    "refs/tags/v14.2",
    "push",
  ],
  [
    "slsa-verifier/testdata/gha_maven/v1.9.0/binary-linux-amd64-push-v14.2.build.slsa",
    example,
    "refs/tags/v14.2",
    "push",
  ],
  [
    "slsa-verifier/testdata/bcr/MODULE.bazel.intoto.jsonl",
    "github.com/aspect-build/rules_lint",
    "refs/heads/publish-to-bcr",
    "workflow_dispatch",
  ],
  [
    "gh-cli/pkg/cmd/attestation/test/data/sigstore-js-2.1.0-bundle.json",
    "github.com/sigstore/sigstore-js",
    "refs/heads/main",
    "push",
  ],
])("a person reads the five components of %s", async (path, repository, ref, trigger) => {
  const question = { subject: firstSubject(provenance(path)), criteria: {}, trust: publicTrust(), now };
  const { signed, statement } = await checkBundle(readBundle(readFileSync(provenance(path))), question);
  const { source, build, signature, timestamps, dependencies } = componentsOf(signed, statement);
  expect(source).toMatchObject({ repository, ref, commit: expect.stringMatching(/^[0-9a-f]{40}$/) });
  expect(build).toMatchObject({
    trigger,
    runner: "github-hosted",
    builder: expect.stringMatching(/^https:/),
    workflow: expect.stringMatching(/\.ya?ml/),
  });
  expect(signature).toMatchObject({ kind: "certificate", issuer: "https://token.actions.githubusercontent.com" });
  expect(timestamps).toHaveLength(1);
  expect(dependencies[0]?.uri).toContain(repository);
});
