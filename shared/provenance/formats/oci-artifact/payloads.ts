import * as z from "zod";
import { parseStrictJson } from "../../../lib/strict-json.ts";
import { EnvelopeDocument, envelopeOf, type Envelope } from "../../intoto/envelope.ts";
import { unreadable, unsupported } from "../../refusal.ts";

/** containers/image "atomic container signature", as cosign writes it: the digest of the manifest that is signed. */
export function simpleSigningPayload(bytes: Uint8Array): string {
  const json = parseStrictJson(bytes, { bytes: maxPayloadBytes, depth: 16 });
  if (!json.ok) throw unreadable(`the signed payload is not read: ${json.why}`);
  const parsed = Payload.safeParse(json.value);
  if (!parsed.success) throw unreadable("the signed payload is malformed");
  const { type, image } = parsed.data.critical;
  if (type !== "cosign container image signature")
    throw unsupported(`signed payloads of type ${type.slice(0, 100)} are not read`);
  return image["docker-manifest-digest"];
}

const maxPayloadBytes = 1024 * 1024;

const Payload = z.object({
  critical: z.strictObject({
    identity: z.strictObject({ "docker-reference": z.string().max(4096) }),
    image: z.strictObject({ "docker-manifest-digest": z.string().regex(/^sha256:[0-9a-f]{64}$/) }),
    type: z.string().max(4096),
  }),
  optional: z.unknown().optional(),
});

export function readEnvelopeIn(bytes: Uint8Array): Envelope {
  const json = parseStrictJson(bytes);
  if (!json.ok) throw unreadable(`the envelope is not read: ${json.why}`);
  const parsed = EnvelopeDocument.safeParse(json.value);
  if (!parsed.success) throw unreadable("the envelope is malformed");
  return envelopeOf(parsed.data);
}
