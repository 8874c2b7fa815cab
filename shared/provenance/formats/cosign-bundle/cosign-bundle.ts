import * as z from "zod";
import { base64Bytes } from "../../../lib/strict-base64.ts";
import { parseStrictJson } from "../../../lib/strict-json.ts";
import type { Claim } from "../../../model/verdict.ts";
import { claimOf } from "../../claims.ts";
import type { Evidence, ProvenanceFormat, Question } from "../../format.ts";
import { publicKeyFromPem } from "../../keys/public-key.ts";
import { unreadable } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import type { Bundle, LogEntry } from "../../sigstore/bundle.ts";
import { checkBundle } from "../../sigstore/check-bundle.ts";
import { pemOrDer } from "../../sigstore/pem.ts";
import type { Trust } from "../../trust.ts";
import { aboutCosign } from "./about-cosign.ts";

/**
 * What `cosign sign-blob --bundle` wrote before Sigstore bundles: signature, certificate or key, and Rekor's promise. It is read as
 * the 0.1 bundle it amounts to.
 */
export const cosignBundle: ProvenanceFormat<Trust> = {
  id: "cosign-bundle",
  recognises: ({ bytes }) => /^\s*\{/.test(head(bytes)) && head(bytes).includes('"base64Signature"'),
  read: (evidence, question) => reading(question, async () => [await claimIn(evidence, question)]),
  about: aboutCosign,
};

const head = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, 16 * 1024)).toString("latin1");

async function claimIn(evidence: Evidence, question: Question<Trust>): Promise<Claim> {
  const attested = await checkBundle(bundleIn(evidence, question), question);
  return claimOf({ format: "cosign-bundle", ...attested }, evidence, question);
}

const base64 = z
  .string()
  .min(1)
  .max(1024 * 1024);
const Document = z.strictObject({
  base64Signature: base64,
  cert: base64.optional(),
  rekorBundle: z
    .strictObject({
      SignedEntryTimestamp: base64,
      Payload: z.strictObject({
        body: base64,
        integratedTime: z.int().nonnegative().max(253_402_300_799),
        logIndex: z.int().nonnegative(),
        logID: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    })
    .nullish(),
});

function bundleIn({ bytes }: Evidence, { subject }: Question<Trust>): Bundle {
  const json = parseStrictJson(bytes);
  if (!json.ok) throw unreadable(`the cosign bundle is not read: ${json.why}`);
  const parsed = Document.safeParse(json.value);
  if (!parsed.success) throw unreadable("the cosign bundle is malformed");
  const { base64Signature, cert, rekorBundle } = parsed.data;
  return {
    version: "0.1",
    signer: signerOf(cert),
    entries: rekorBundle ? [entryOf(rekorBundle)] : [],
    timestamps: [],
    // cosign signs the file's SHA-256 and does not write it down: the only file this can be about is the one we ask for.
    content: {
      kind: "message",
      algorithm: "sha256",
      digest: Buffer.from(subject.sha256, "hex"),
      signature: decoded(base64Signature),
    },
  };
}

/** `cert` is base64 of PEM: the signing certificate, or, with a key, the public key. */
function signerOf(cert: string | undefined): Bundle["signer"] {
  if (cert === undefined) return { hint: "" };
  const pem = decoded(cert);
  if (pem.includes("BEGIN CERTIFICATE")) return { certificates: [pemOrDer(pem)] };
  const { fingerprint } = publicKeyFromPem(pem.toString("latin1"));
  return { hint: Buffer.from(fingerprint, "hex").toString("base64") };
}

function entryOf({
  SignedEntryTimestamp: promise,
  Payload: payload,
}: NonNullable<z.infer<typeof Document>["rekorBundle"]>): LogEntry {
  const body = decoded(payload.body);
  const { kind, version } = kindOf(body);
  return {
    logIndex: BigInt(payload.logIndex),
    logId: Buffer.from(payload.logID, "hex"),
    kind,
    version,
    integratedTime: payload.integratedTime,
    promise: decoded(promise),
    proof: undefined,
    body,
  };
}

/** The old layout does not repeat the entry's kind beside it. */
function kindOf(body: Buffer): { kind: string; version: string } {
  const json = parseStrictJson(body);
  const parsed = Entry.safeParse(json.ok ? json.value : undefined);
  if (!parsed.success) throw unreadable("the log entry is malformed");
  return { kind: parsed.data.kind, version: parsed.data.apiVersion };
}

const Entry = z.object({ kind: z.string().max(40), apiVersion: z.string().max(20) });

function decoded(text: string): Buffer {
  const bytes = base64Bytes(text);
  if (bytes === undefined || bytes.length === 0) throw unreadable("the cosign bundle holds malformed base64");
  return bytes;
}
