import * as z from "zod";
import { npmPurl } from "../../../ecosystems/purl.ts";
import { base64Bytes } from "../../../lib/strict-base64.ts";
import { parseStrictJson } from "../../../lib/strict-json.ts";
import type { Claim } from "../../../model/verdict.ts";
import { claimOf } from "../../claims.ts";
import type { Evidence, ProvenanceFormat, Question } from "../../format.ts";
import { settleTogether, signatureCheck } from "../../keys/signature-check.ts";
import { Refusal, unknownToTrust, unreadable } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import { subjectDigest, type Said } from "../../said.ts";
import { requireInWindow } from "../../sigstore/read-signature.ts";
import type { Trust } from "../../trust.ts";

/** A version's manifest from the npm registry, with the registry's signature over "name@version:integrity". */
export const npmSignature: ProvenanceFormat<Trust> = {
  id: "npm-signature",
  recognises: ({ bytes }) =>
    bytes.length < maxManifestBytes && /"dist"\s*:/.test(Buffer.from(bytes).toString("latin1")),
  read: (evidence, question) => reading(question, () => claimsIn(evidence, question)),
  about: (evidence) => [saidBy(manifestIn(evidence))],
};

const maxManifestBytes = 1024 * 1024;

async function claimsIn(evidence: Evidence, question: Question<Trust>): Promise<readonly [Claim, ...Claim[]]> {
  const { name, version, dist } = manifestIn(evidence);
  requireSubject(name, version, dist.integrity, question);
  const signed = Buffer.from(`${name}@${version}:${dist.integrity}`);
  const known = dist.signatures.flatMap(({ keyid, sig }) => {
    const key = question.trust.keys.find((one) => one.id === keyid && one.uses.has("npm:signatures"));
    const signature = base64Bytes(sig);
    if (signature === undefined) throw unreadable("the registry's signature is malformed base64");
    return key === undefined
      ? []
      : [{ key, check: signatureCheck("the registry's signature", key.key, signed, signature) }];
  });
  const [first] = known;
  if (first === undefined)
    throw unknownToTrust(
      "it is signed by a registry key that the trust document does not hold",
      "the registry's public keys",
    );
  await settleTogether(known.map(({ check }) => check));
  requireInWindow(first.key, [], question.now);
  const signer = {
    kind: "key",
    keyId: first.key.id,
    name: first.key.name,
    fingerprint: first.key.key.fingerprint,
  } as const;
  const attested = { format: "npm-signature", signed: { signer, times: [], loggedIn: [] }, publisher: true };
  return [claimOf(attested, evidence, { ...question, criteria: {} })];
}

function manifestIn({ bytes }: Evidence): z.infer<typeof Manifest> {
  const json = parseStrictJson(bytes, { bytes: maxManifestBytes, depth: 64 });
  if (!json.ok) throw unreadable(`the manifest is not read: ${json.why}`);
  const parsed = Manifest.safeParse(json.value);
  if (!parsed.success) throw unreadable("the manifest holds no registry signature");
  return parsed.data;
}

const Manifest = z.object({
  name: z.string().min(1).max(214),
  version: z.string().min(1).max(256),
  dist: z.object({
    integrity: z.string().max(1000),
    signatures: z
      .array(z.object({ keyid: z.string().max(1000), sig: z.string().max(1000) }))
      .min(1)
      .max(16),
  }),
});

function saidBy({ name, version, dist }: z.infer<typeof Manifest>): Said {
  const digest = base64Bytes(/^sha512-(.*)$/.exec(dist.integrity)?.[1] ?? "");
  const subject = subjectDigest("sha512", digest?.toString("hex") ?? "");
  const purl = npmPurl(name, version);
  return {
    digests: subject === undefined ? [] : [subject],
    purls: purl === undefined ? [] : [purl],
    keyIds: dist.signatures.map(({ keyid }) => keyid),
  };
}

function requireSubject(name: string, version: string, integrity: string, { subject }: Question<Trust>): void {
  if (subject.sha512 === undefined)
    throw new Refusal("unreachable", "npm binds packages by sha512, which was not computed", "the file's sha512");
  const isNamed =
    subject.package?.ecosystem === "npm" && subject.package.name === name && subject.package.version === version;
  if (integrity === `sha512-${Buffer.from(subject.sha512, "hex").toString("base64")}`) {
    if (subject.package === undefined || isNamed) return;
    throw new Refusal("contradicted", `the registry signs these bytes as ${name}@${version}`);
  }
  throw isNamed
    ? new Refusal("contradicted", `the registry signs other bytes for ${name}@${version}`)
    : new Refusal("foreign", `it is about ${name}@${version} with other bytes`);
}
