import * as z from "zod";
import { unreadable } from "./refusal.ts";
import type { TrustDocument } from "./trust.ts";

type Keys = NonNullable<TrustDocument["keys"]>;

/**
 * The npm registry's keys as keys of a trust document. Two spellings: the TUF target `registry.npmjs.org/keys.json`, and the
 * registry's own /-/npm/v1/keys, which says nothing of use or beginning and is taken for package signatures only.
 */
export function npmKeys(document: unknown): Keys {
  const target = Target.safeParse(document);
  if (target.success)
    return target.data.keys.map(({ keyId, keyUsage, publicKey }) => ({
      id: keyId,
      name: `npm registry ${keyId}`,
      rawBytes: publicKey.rawBytes,
      uses: [keyUsage],
      from: publicKey.validFor.start,
      ...(publicKey.validFor.end === undefined ? {} : { until: publicKey.validFor.end }),
    }));
  const answer = Answer.safeParse(document);
  if (!answer.success) throw unreadable("the npm registry's keys are malformed");
  return answer.data.keys.map(({ keyid, key, expires }) => ({
    id: keyid,
    name: `npm registry ${keyid}`,
    rawBytes: key,
    uses: ["npm:signatures"],
    ...(expires ? { until: expires } : {}),
  }));
}

const text = z.string().min(1).max(4096);
const Target = z.object({
  keys: z
    .array(
      z.object({
        keyId: text,
        keyUsage: z.enum(["npm:signatures", "npm:attestations"]),
        publicKey: z.object({ rawBytes: text, validFor: z.object({ start: text, end: text.optional() }) }),
      }),
    )
    .max(64),
});
const Answer = z.object({
  keys: z.array(z.object({ keyid: text, key: text, expires: text.nullish() })).max(64),
});
