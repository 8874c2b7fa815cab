import * as z from "zod/mini";
import { firstWrong } from "@provost/shared/protocol/schema-words.ts";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import { commandContext } from "@provost/shared/model/command.ts";
import type { Command } from "@provost/shared/model/command.ts";
import { isNetwork } from "../host/network.ts";

/** Whether an order is one that this device carries out: who signed it, for whom, until when, and once. Pure. */

const text = (max: number) => z.string().check(z.maxLength(max));
const digest = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const time = z.int().check(z.minimum(0));
const Key = z.strictObject({ pid: z.int().check(z.minimum(1)), startedAt: text(30).check(z.regex(/^\d+$/)) });
const Order = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("kill-process-tree"), process: Key, executable: text(16_384) }),
  z.strictObject({ action: z.literal("quarantine-file"), root: text(16_384), path: text(16_384), sha256: digest }),
  z.strictObject({ action: z.literal("block-digest"), sha256: digest, expires: z.optional(time) }),
  z.strictObject({
    action: z.literal("allow-digest"),
    sha256: digest,
    code: text(12).check(z.regex(/^[0-9a-f]{6,12}$/)),
    expires: time,
  }),
  z.strictObject({ action: z.literal("isolate-host"), except: z.array(text(100)).check(z.maxLength(64)) }),
  z.strictObject({
    action: z.literal("collect-triage"),
    process: z.optional(Key),
    executable: z.optional(text(16_384)),
  }),
  z.strictObject({ action: z.literal("undo"), command: text(60) }),
]);
const Body = z.strictObject({
  id: text(60).check(z.regex(/^cmd_[0-9a-z]{1,40}$/)),
  device: text(60),
  order: Order,
  reason: text(1000),
  by: text(200),
  incident: z.optional(text(60)),
  issuedAt: time,
  expires: time,
  nonce: text(100),
  confirmed: z.optional(z.boolean()),
});

export interface Expected {
  readonly device: string | undefined;
  /** The server's key as this device pinned it when it enrolled. */
  readonly serverKey: string | undefined;
  readonly now: number;
  isUsed(id: string, nonce: string): boolean;
  verify(key: string, bytes: Uint8Array, signature: string): boolean;
}

export type CommandReading =
  | { readonly ok: true; readonly command: Command }
  /** `id`: of whom the refusal can be told; only where the signature held. */
  | { readonly ok: false; readonly id?: string; readonly why: string };

/** Clocks differ: an order from the future is refused only beyond this. */
const aheadMs = 300_000;

export const commandBytes = (body: string): Uint8Array => Buffer.from(`${commandContext}\n${body}`);

export function readCommand(body: string, signature: string, expected: Expected): CommandReading {
  if (expected.serverKey === undefined || !expected.verify(expected.serverKey, commandBytes(body), signature))
    return { ok: false, why: "it is not signed by the key of the server that this device was enrolled with" };
  const parsed = Body.safeParse(jsonOr(body));
  if (!parsed.success) return { ok: false, why: firstWrong(parsed.error.issues, "command") };
  const command = parsed.data as unknown as Command;
  const { id } = command;
  const refuse = (why: string): CommandReading => ({ ok: false, id, why });
  if (canonicalJson(command) !== body) return refuse("it is not written in canonical JSON");
  if (command.device !== expected.device) return refuse("it is for another device");
  if (command.expires <= expected.now)
    return refuse(`it was to be taken until ${new Date(command.expires).toISOString()}`);
  if (command.issuedAt > expected.now + aheadMs)
    return refuse("it was issued in the future: one of the clocks is wrong");
  if (expected.isUsed(id, command.nonce)) return refuse("it was given before: nothing is done twice");
  if (command.order.action === "quarantine-file" && leaves(command.order.root + command.order.path))
    return refuse("its path is not a whole path without ..");
  const odd = command.order.action === "isolate-host" ? command.order.except.find((one) => !isNetwork(one)) : undefined;
  if (odd !== undefined) return refuse(`"${odd}" is not an address or a network that may be excepted`);
  return { ok: true, command };
}

const leaves = (path: string): boolean => !path.startsWith("/") || path.split("/").includes("..");

function jsonOr(text_: string): unknown {
  try {
    return JSON.parse(text_);
  } catch {
    return undefined;
  }
}
