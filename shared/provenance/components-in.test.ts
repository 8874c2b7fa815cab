import { describe, expect, test } from "vitest";
import { firstSubject } from "../../test/conformance/first-subject.ts";
import {
  evidenceAt,
  evidenceOf,
  haveVectors,
  now,
  provenance,
  publicTrust,
  subjectAt,
  subjectOf,
} from "../../test/conformance/vectors.ts";
import { readTrust } from "./trust.ts";
import { componentsIn } from "./components-in.ts";

const gh = provenance("gh-cli", "pkg", "cmd", "attestation", "test", "data");

describe.skipIf(!haveVectors())("the five components", () => {
  test.each([
    ["a bundle", `${gh}/sigstore-js-2.1.0-bundle.json`, "github.com/sigstore/sigstore-js"],
    ["several bundles on lines", `${gh}/sigstore-js-2.1.0_with_2_bundles.jsonl`, "github.com/sigstore/sigstore-js"],
    [
      "an answer of the npm registry",
      provenance("npm-pacote/test/fixtures/sigstore/valid-attestations.json"),
      "github.com/sigstore/sigstore-js",
    ],
  ])("are read from %s", async (_name, path, repository) => {
    const components = await componentsIn(evidenceAt(path), {
      subject: firstSubject(path),
      criteria: {},
      trust: publicTrust(),
      now,
    });
    expect(components).toMatchObject({
      source: { repository, commit: expect.stringMatching(/^[0-9a-f]{40}$/) },
      build: { builder: expect.stringMatching(/^https:/) },
      signature: { kind: "certificate" },
      timestamps: [{ by: expect.stringContaining("rekor") }],
    });
  });

  test("are none of a bundle for another file, or of one whose signature does not hold", async () => {
    const question = { subject: subjectAt(`${gh}/custom-issuer-artifact`), criteria: {}, trust: publicTrust(), now };
    expect(await componentsIn(evidenceAt(`${gh}/sigstore-js-2.1.0-bundle.json`), question)).toBeUndefined();
    const own = { ...question, subject: subjectAt(`${gh}/sigstore-js-2.1.0.tgz`) };
    expect(await componentsIn(evidenceAt(`${gh}/sigstoreBundle-invalid-signature.json`), own)).toBeUndefined();
  });
});

test.each(["", "no JSON", "{}", '{"attestations":[1,{"bundle":3}]}', "{}\n{}\n"])("are none of %j", async (text) => {
  const trust = readTrust({});
  if (!trust.ok) throw new Error(trust.why);
  const question = { subject: subjectOf(Buffer.from("any")), criteria: {}, trust: trust.trust, now };
  expect(await componentsIn(evidenceOf(Buffer.from(text), "x"), question)).toBeUndefined();
});
