import * as z from "zod";
import { base64Bytes } from "../../lib/strict-base64.ts";
import { parseStrictJson } from "../../lib/strict-json.ts";
import { unreadable } from "../refusal.ts";
import type { LogEntry } from "../sigstore/bundle.ts";

/** What cosign keeps of Rekor's answer: the entry and the promise of its inclusion, no proof. */
export const RekorBundleDocument = z.strictObject({
  SignedEntryTimestamp: z
    .string()
    .min(1)
    .max(16 * 1024),
  Payload: z.strictObject({
    body: z
      .string()
      .min(1)
      .max(1024 * 1024),
    integratedTime: z.int().nonnegative().max(253_402_300_799),
    logIndex: z.int().nonnegative(),
    logID: z.string().regex(/^[0-9a-f]{64}$/),
  }),
});

export function rekorEntry({ SignedEntryTimestamp, Payload: payload }: z.infer<typeof RekorBundleDocument>): LogEntry {
  const body = cosignBytes(payload.body);
  const { kind, version } = kindOf(body);
  return {
    logIndex: BigInt(payload.logIndex),
    logId: Buffer.from(payload.logID, "hex"),
    kind,
    version,
    integratedTime: payload.integratedTime,
    promise: cosignBytes(SignedEntryTimestamp),
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

export function cosignBytes(text: string): Buffer {
  const bytes = base64Bytes(text);
  if (bytes === undefined || bytes.length === 0) throw unreadable("the cosign signature holds malformed base64");
  return bytes;
}
