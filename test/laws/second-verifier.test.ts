import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { describe, expect, test } from "vitest";
import { forgeBundle, type BundleParts } from "../support/sigstore/forge-bundle.ts";
import { sigstoreInstance, trustedRoot } from "../support/sigstore/instance.ts";
import { program, readForged, said, subjectOf, trustIn } from "../support/sigstore/read-forged.ts";
import { alternativeName, usages } from "../support/sigstore/write-certificate.ts";

/*
 * What is forged in these tests has to be what Sigstore means: its own verifier accepts and refuses the same bundles, apart from those
 * that it is known to let through.
 */
const instance = sigstoreInstance();
const other = sigstoreInstance();
const material = toTrustMaterial(TrustedRoot.fromJSON(trustedRoot(instance)));
const ready = trustIn(instance);
const subject = subjectOf(program, { bytes: program });
const statement = {
  payload: Buffer.from(
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "program", digest: { sha256: subject.sha256 } }],
      predicateType: "https://in-toto.io/attestation/release/v0.1",
      predicate: {},
    }),
  ),
  payloadType: "application/vnd.in-toto+json",
};
const tiles = { log: "tiles" } as const;

async function both(parts: BundleParts): Promise<readonly [string, string]> {
  const bundle = forgeBundle(instance, parts);
  const artefact = parts.signs === undefined ? program : undefined;
  const theirs = ((): string => {
    try {
      new Verifier(material).verify(toSignedEntity(bundleFromJSON(bundle), artefact));
      return "accepts";
    } catch {
      return "refuses";
    }
  })();
  const ours = said(await readForged(instance, bundle, { ready, subject }));
  return [ours.startsWith("claims") ? "accepts" : "refuses", theirs];
}

describe("both accept", () => {
  test.each<[string, BundleParts]>([
    ["0.1 with a promise", { version: "0.1", entries: [{ proof: false }] }],
    ["0.2 with a chain", { version: "0.2", above: [instance.certificates.intermediate] }],
    ["0.3", {}],
    ["0.3 with a timestamp", { stamps: [{}] }],
    ["0.3 without a promise", { entries: [{ promise: false }], stamps: [{}] }],
    ["an envelope as dsse", { signs: statement, entries: [{ kind: "dsse" }] }],
    ["an envelope as intoto", { signs: statement, entries: [{ kind: "intoto" }] }],
    ["an envelope as hashedrekord", { signs: statement, entries: [{ kind: "hashedrekord" }] }],
    ["a message in rekor v2", { entries: [tiles], stamps: [{}] }],
    ["an envelope in rekor v2", { signs: statement, entries: [tiles], stamps: [{}] }],
    ["both logs", { entries: [{}, tiles], stamps: [{}] }],
    ["an e-mail address", { leaf: { names: [alternativeName.email("someone@example.com")] } }],
  ])("%s", async (_name, parts) => {
    expect(await both(parts)).toEqual(["accepts", "accepts"]);
  });
});

describe("both refuse", () => {
  test.each<[string, BundleParts]>([
    ["no time", { entries: [tiles] }],
    ["no log", { entries: [], stamps: [{}] }],
    ["a checkpoint by another key", { entries: [{ noteBy: other.log }] }],
    [
      "a checkpoint under another name in rekor v2",
      { entries: [{ ...tiles, noteName: "other.example" }], stamps: [{}] },
    ],
    ["a stamp by another log", { leaf: { stampedBy: other.certificateLog } }],
    ["a stamp for another issuer", { leaf: { stampedFor: other.intermediate } }],
    ["no stamp", { leaf: { withoutStamp: true } }],
    ["a time after the certificate's end", { entries: [{ at: Date.parse("2026-02-02T03:04:05Z") }] }],
    ["a second time after the certificate's end", { stamps: [{}, { at: Date.parse("2026-02-02T03:04:05Z") }] }],
    ["a timestamp of something else", { entries: [tiles], stamps: [{ stamped: Buffer.from("x") }] }],
    ["a timestamp by another clock", { entries: [tiles], stamps: [{ by: other.clock }] }],
    ["an entry of another signature", { entries: [{ body: (was) => ({ ...was, spec: {} }) }] }],
    ["another issuer's signature", { leaf: { request: { signedBy: other.intermediate.privateKey } } }],
  ])("%s", async (_name, parts) => {
    expect(await both(parts)).toEqual(["refuses", "refuses"]);
  });
});

describe("it lets through, and we refuse", () => {
  test.each<[string, BundleParts]>([
    ["a certificate for another use", { leaf: { usages: [usages.server] } }],
    ["an origin of another log", { entries: [{ origin: "other.example - 1" }] }],
  ])("%s", async (_name, parts) => {
    expect(await both(parts)).toEqual(["refuses", "accepts"]);
  });
});

test("it refuses, and we read, a checkpoint of Rekor v1 under its pod's name, by the key that the root names", async () => {
  expect(await both({ entries: [{ noteName: "rekor-00001-deployment-56bf7777c9-jds5x" }] })).toEqual([
    "accepts",
    "refuses",
  ]);
});
