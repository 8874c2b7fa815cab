import * as z from "zod/mini";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import { gateModes } from "@provost/shared/model/gate.ts";
import type { PublishedPolicy } from "@provost/shared/model/published-policy.ts";
import { policyContext } from "@provost/shared/model/published-policy.ts";
import { firstWrong } from "@provost/shared/protocol/schema-words.ts";
import { verifyWith } from "../link/keys.ts";
import type { State } from "../state/state.ts";
import { readMeta, writeMeta } from "../state/state.ts";

const text = (max: number) => z.string().check(z.maxLength(max));
const Body = z.strictObject({
  issue: z.int().check(z.minimum(1)),
  yaml: text(1024 * 1024),
  steppedBack: z.array(z.strictObject({ group: text(2000), mode: z.enum(gateModes) })).check(z.maxLength(101)),
  at: z.int().check(z.minimum(0)),
  by: text(200),
});

export interface SignedPolicy {
  /** Canonical JSON of a PublishedPolicy. */
  readonly body: string;
  readonly signature: string;
}

export const policyBytes = (body: string): Uint8Array => Buffer.from(`${policyContext}\n${body}`);

type Reading =
  | { readonly ok: true; readonly policy: PublishedPolicy }
  /** `old`: it is in order, and was overtaken. */
  | { readonly ok: false; readonly why: string; readonly old?: true };

/** Whether this is a policy of the server that this device was enrolled with. */
export function readSigned({ body, signature }: SignedPolicy, serverKey: string | undefined): Reading {
  if (serverKey === undefined || !verifyWith(serverKey, policyBytes(body), signature))
    return { ok: false, why: "it is not signed by the key of the server that this device was enrolled with" };
  const parsed = Body.safeParse(jsonOr(body));
  if (!parsed.success) return { ok: false, why: firstWrong(parsed.error.issues, "policy") };
  if (canonicalJson(parsed.data) !== body) return { ok: false, why: "it is not written in canonical JSON" };
  return { ok: true, policy: parsed.data };
}

/** Keeps what the server says of its policy; what it said before is no policy any more, and is never taken again. */
export function acceptPolicy(state: State, signed: SignedPolicy): Reading {
  const read = readSigned(signed, readMeta(state, "server-key"));
  if (!read.ok) return read;
  const held = serverPolicy(state);
  if (held !== undefined && held.issue >= read.policy.issue)
    return { ok: false, old: true, why: `issue ${read.policy.issue} was overtaken by ${held.issue}` };
  const { body, signature } = signed;
  writeMeta(state, "server-policy", JSON.stringify({ body, signature }));
  return read;
}

/** The newest that was accepted, its signature looked at again: the state is a file, and the server's word is not. */
export const serverPolicy = (state: State): PublishedPolicy | undefined => kept(state, "server-policy");

/** The newest that could be read. */
export const readablePolicy = (state: State): PublishedPolicy | undefined => kept(state, "server-policy-read");

/** The newest is one that can be read: it is what holds should a later one not be. */
export function noteReadable(state: State): void {
  const newest = readMeta(state, "server-policy");
  if (newest !== undefined) writeMeta(state, "server-policy-read", newest);
}

function kept(state: State, where: "server-policy" | "server-policy-read"): PublishedPolicy | undefined {
  const signed = readMeta(state, where);
  if (signed === undefined) return undefined;
  const read = readSigned(JSON.parse(signed) as SignedPolicy, readMeta(state, "server-key"));
  return read.ok ? read.policy : undefined;
}

function jsonOr(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
