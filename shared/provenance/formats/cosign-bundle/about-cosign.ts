import * as z from "zod";
import { base64Bytes } from "../../../lib/strict-base64.ts";
import { parseStrictJson } from "../../../lib/strict-json.ts";
import type { Evidence } from "../../format.ts";
import { unreadable } from "../../refusal.ts";
import { subjectDigest, type Said } from "../../said.ts";
import { pemOrDer } from "../../sigstore/pem.ts";

/** The digest that was signed stands in the log's entry alone; a signature without one names nothing. */
export function aboutCosign({ bytes }: Evidence): readonly Said[] {
  const json = parseStrictJson(bytes);
  if (!json.ok) return [{}];
  const parsed = Document.safeParse(json.value);
  if (!parsed.success) throw unreadable("the cosign bundle is malformed");
  const { cert, rekorBundle } = parsed.data;
  const certificate = cert === undefined ? undefined : certificateIn(decoded(cert));
  return [{ digests: loggedDigest(rekorBundle?.Payload.body), ...(certificate === undefined ? {} : { certificate }) }];
}

const Document = z.object({
  base64Signature: z.string(),
  cert: z.string().optional(),
  rekorBundle: z.object({ Payload: z.object({ body: z.string() }) }).nullish(),
});

/** `cert` may hold the public key instead: that names no identity. */
function certificateIn(pem: Buffer): Buffer | undefined {
  return pem.includes("BEGIN CERTIFICATE") ? pemOrDer(pem) : undefined;
}

function loggedDigest(body: string | undefined): NonNullable<Said["digests"]> {
  const entry = body === undefined ? undefined : parseStrictJson(decoded(body));
  const logged = Logged.safeParse(entry?.ok === true ? entry.value : undefined);
  if (!logged.success) return [];
  const { algorithm, value } = logged.data.spec.data.hash;
  return [subjectDigest(algorithm, value) ?? []].flat();
}

/** Rekor's hashedrekord. */
const Logged = z.object({
  spec: z.object({ data: z.object({ hash: z.object({ algorithm: z.string().max(40), value: z.string().max(200) }) }) }),
});

function decoded(text: string): Buffer {
  const bytes = base64Bytes(text);
  if (bytes === undefined || bytes.length === 0) throw unreadable("the cosign bundle holds malformed base64");
  return bytes;
}
