import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { expect, test } from "vitest";
import { instant, sha256 } from "../../../model/ids.ts";
import { preAuthEncoding } from "../../intoto/envelope.ts";
import type { Subject } from "../../subject.ts";
import { readTrust } from "../../trust.ts";
import { verify } from "../../verify.ts";

const now = instant(Date.parse("2026-06-01T00:00:00Z"));
const key = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");
const digest = (bytes: Uint8Array): Subject["sha256"] =>
  sha256(createHash("sha256").update(bytes).digest("hex")) ?? ("" as never);
const file = digest(Buffer.from("the program"));
const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const inToto = "application/vnd.in-toto+json";

const statement = (predicateType: string, predicate: unknown = {}, sha = file): Buffer =>
  Buffer.from(
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "p", digest: { sha256: sha } }],
      predicateType,
      predicate,
    }),
  );

const signedBy = (payload: Buffer, by = key.privateKey, keyid = "release", payloadType = inToto) => ({
  keyid,
  sig: b64(sign(null, preAuthEncoding({ payload, payloadType }), by)),
});

const release = statement("https://in-toto.io/attestation/release/v0.1");
const envelope = (payload: Buffer, signatures: unknown[] = [signedBy(payload)], payloadType = inToto): object => ({
  payload: b64(payload),
  payloadType,
  signatures,
});

const summary = (verificationResult: string, verifier = "https://verifier.example"): Buffer =>
  statement("https://slsa.dev/verification_summary/v1", {
    verifier: { id: verifier },
    resourceUri: "pkg:x",
    verificationResult,
    verifiedLevels: ["SLSA_BUILD_LEVEL_3"],
  });

const standing = (text: object): Promise<string> => standingOf(JSON.stringify(text));

async function standingOf(text: string): Promise<string> {
  const pem = key.publicKey.export({ type: "spki", format: "pem" }).toString();
  const read = readTrust({
    keys: [{ id: "release", pem, uses: ["envelope"] }],
    verifiers: [{ verifier: "https://verifier.example", signer: { keyId: "release" } }],
  });
  if (!read.ok) throw new Error(read.why);
  const bytes = Buffer.from(text);
  const { verdict } = await verify({ sha256: file }, [{ bytes, sha256: digest(bytes) }], {}, read.trust, now);
  return `${verdict.standing} ${verdict.basis}`;
}

const foreign = statement("https://in-toto.io/attestation/release/v0.1", {}, "0".repeat(64) as Subject["sha256"]);

test.each<[string, object, string]>([
  ["signed by a key the owner holds", envelope(release), "signed publisher"],
  ["without a key id", envelope(release, [signedBy(release, key.privateKey, "")]), "signed publisher"],
  [
    "with strangers' signatures before the good one",
    envelope(release, [
      ...Array.from({ length: 60 }, (_, at) => signedBy(release, stranger.privateKey, `k${at}`)),
      signedBy(release),
    ]),
    "signed publisher",
  ],
  [
    "with more signatures than are read",
    envelope(
      release,
      Array.from({ length: 65 }, () => signedBy(release)),
    ),
    "unchecked unreadable",
  ],
  [
    "signed by a stranger under our key's id",
    envelope(release, [signedBy(release, stranger.privateKey)]),
    "refuted forged",
  ],
  [
    "signed by a stranger",
    envelope(release, [signedBy(release, stranger.privateKey, "other")]),
    "unchecked stale-trust",
  ],
  [
    "signed under another payload type",
    envelope(release, [signedBy(release, key.privateKey, "release", "text/plain")]),
    "refuted forged",
  ],
  [
    "of another payload type",
    envelope(release, [signedBy(release, key.privateKey, "release", "text/plain")], "text/plain"),
    "unchecked unsupported",
  ],
  ["about another file", envelope(foreign), "unproven none"],
  ["with a predicate nobody knows", envelope(statement("https://example.com/x/v1")), "unchecked unsupported"],
  [
    "with a predicate whose name only begins like a known one",
    envelope(statement("https://slsa.dev/provenance/v1evil")),
    "unchecked unsupported",
  ],
  ["that only observes", envelope(statement("https://in-toto.io/attestation/vulns/v0.1")), "unproven claimed"],
  [
    "with provenance of an unknown builder",
    envelope(
      statement("https://slsa.dev/provenance/v1", {
        buildDefinition: { buildType: "t" },
        runDetails: { builder: { id: "b" } },
      }),
    ),
    "signed publisher",
  ],
  [
    "with malformed provenance",
    envelope(statement("https://slsa.dev/provenance/v1", { buildDefinition: 1 })),
    "unchecked unreadable",
  ],
  ["with a summary that passed", envelope(summary("PASSED")), "signed publisher"],
  ["with a summary that failed", envelope(summary("FAILED")), "refuted downgraded"],
  [
    "with a summary by a verifier the owner does not name",
    envelope(summary("PASSED", "https://other.example")),
    "unproven claimed",
  ],
  ["with a payload that is no base64", { ...envelope(release), payload: "%%%%" }, "unchecked unreadable"],
  [
    "whose statement says a name twice",
    envelope(Buffer.from(release.toString().replace("{", '{"_type":"x",'))),
    "unchecked unreadable",
  ],
])("an envelope %s", async (_name, text, expected) => {
  expect(await standing(text)).toBe(expected);
});

test("changed in any byte, it never holds", async () => {
  const text = JSON.stringify(envelope(release));
  const survivors: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const changed = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
    const got = await standingOf(changed);
    if (/^(?:proven|signed)/.test(got)) survivors.push(`${at}: ${changed.slice(at - 10, at + 10)}`);
  }
  expect(survivors).toEqual([]);
});
