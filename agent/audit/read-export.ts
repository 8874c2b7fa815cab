import * as z from "zod/mini";
import { chainStart, readChain } from "@provost/shared/lib/chain.ts";
import type { ChainedEntry, ChainReader } from "@provost/shared/lib/chain.ts";
import { boundedLines } from "@provost/shared/lib/lines.ts";
import { base64Bytes } from "@provost/shared/lib/strict-base64.ts";
import { auditHeadText } from "@provost/shared/model/audit-head.ts";
import type { AuditHead } from "@provost/shared/model/audit-head.ts";
import { verifyWith } from "../link/keys.ts";

export const mostLineBytes = 64 * 1024;

/** What a file with an exported audit is, up to its end or to the first thing that is wrong with it. */
export interface ExportReading {
  /** A server's export begins with it. */
  readonly head: AuditHead | undefined;
  readonly entries: number;
  readonly first: ChainedEntry | undefined;
  readonly newest: ChainedEntry | undefined;
  readonly last: string;
  /** Whether the hash that was asked for is that of an entry, or the one before the first. */
  readonly holds: boolean;
  readonly fault: Fault | undefined;
}

export interface Fault {
  readonly line: number;
  /** Where the line is an entry. */
  readonly sequence?: number;
  readonly why: string;
}

/** A device's export is entries from the first on; a server's is any stretch below a head that its key signed. By the bytes alone. */
export function readExport(chunks: Iterable<Uint8Array>, holding?: string): ExportReading {
  let chain = readChain(chainStart, 1);
  let head: AuditHead | undefined;
  let first: ChainedEntry | undefined;
  let newest: ChainedEntry | undefined;
  let fault: Fault | undefined;
  let holds = false;
  let line = 0;
  for (const { bytes, long, cut } of boundedLines(chunks, mostLineBytes)) {
    line += 1;
    const read = long
      ? `it is longer than ${mostLineBytes} bytes`
      : cut
        ? "it is cut off in the middle"
        : lineOf(bytes, line === 1);
    if (typeof read === "string") fault = { line, why: read };
    else if ("audit" in read) {
      head = read;
      chain = readChain(read.before, read.first);
      holds = read.before === holding;
    } else {
      const why = follows(chain, read, head);
      if (why !== undefined) fault = { line, sequence: read.sequence, why };
      first ??= read;
      newest = read;
      holds ||= read.hash === holding;
    }
    if (fault !== undefined) break;
  }
  fault ??= head === undefined ? undefined : short(head, chain, line + 1);
  return { head, entries: chain.count, first, newest, last: chain.last, holds, fault };
}

function follows(chain: ChainReader, entry: ChainedEntry, head: AuditHead | undefined): string | undefined {
  if (head !== undefined && chain.count === head.entries) return "it comes after the last entry that the head names";
  return chain.next(entry);
}

function short({ entries, first, last }: AuditHead, chain: ChainReader, line: number): Fault | undefined {
  if (chain.count < entries)
    return {
      line,
      why:
        chain.count + 1 === entries
          ? `entry ${first + chain.count} is missing from its end`
          : `entries ${first + chain.count} to ${first + entries - 1} are missing from its end`,
    };
  return chain.last === last ? undefined : { line, why: "the head names another last hash" };
}

const digest = z.string().check(z.regex(/^[0-9a-f]{64}$/));
/** What a Date can be. */
const time = z.int().check(z.minimum(0), z.maximum(8_640_000_000_000_000));
const count = z.int().check(z.minimum(0));
const Entry = z.strictObject({
  sequence: z.int().check(z.minimum(1)),
  at: time,
  kind: z.string(),
  by: z.string(),
  says: z.string(),
  facts: z.record(z.string(), z.string()),
  hash: digest,
});
const Head = z.strictObject({
  head: z.strictObject({
    audit: z.literal("provost-server"),
    form: z.literal(1),
    at: time,
    by: z.string(),
    entries: count,
    first: count,
    before: digest,
    last: digest,
    key: z.string(),
  }),
  signature: z.string(),
});

/** A string says what is wrong with it. */
function lineOf(bytes: Uint8Array, first: boolean): ChainedEntry | AuditHead | string {
  const value = jsonOf(bytes);
  const entry = Entry.safeParse(value);
  if (entry.success) return entry.data;
  const signed = first ? Head.safeParse(value) : undefined;
  if (signed?.success !== true) return "it is no entry of an audit";
  const { head, signature } = signed.data;
  const whole = base64Bytes(head.key) !== undefined && base64Bytes(signature) !== undefined;
  return whole && verifyWith(head.key, Buffer.from(auditHeadText(head)), signature)
    ? head
    : "the head's signature does not hold: it was changed, or another key signed it";
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}
