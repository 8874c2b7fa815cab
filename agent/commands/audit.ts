import { closeSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { ChainedEntry } from "@provost/shared/lib/chain.ts";
import type { AuditHead } from "@provost/shared/model/audit-head.ts";
import { auditEntries } from "../audit/append.ts";
import { mostLineBytes, readExport } from "../audit/read-export.ts";
import type { ExportReading, Fault } from "../audit/read-export.ts";
import { openWhy } from "../identity/hash.ts";
import { keyName } from "../link/keys.ts";
import { readMeta } from "../state/state.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import { findState, needState } from "./state-reader.ts";
import { jsonLine } from "./terminal.ts";

/** `provost audit export`: what orders did to this device, one entry a line, each bound to the one before. */
export function auditExport({ folder, terminal }: Request): ExitCode {
  const state = needState(folder);
  try {
    for (const entry of auditEntries(state)) terminal.outText(`${JSON.stringify(entry)}\n`);
    return exitCodes.asWanted;
  } finally {
    state.close();
  }
}

export interface AuditQuestion {
  /** The hash of the newest entry, as somebody else holds it: the server with each report of this device. */
  readonly last?: string;
  /** A hash that has to be in it: what an earlier export ended with. */
  readonly holds?: string;
  /** The name of the key that has to have signed the head. */
  readonly server?: string;
}

/** `provost audit verify FILE`: whether the chain is unbroken, by the file alone. Refuted where it is not. */
export function auditVerify(request: Request, file: string, asked: AuditQuestion): ExitCode {
  const read = readExport(chunksOf(resolve(request.cwd, file)), asked.holds);
  const fault = read.fault ?? unlike(read, asked);
  if (fault !== undefined) return broken(request, file, fault);
  const { json, terminal } = request;
  const { entries, last, first, newest, head } = read;
  if (json)
    terminal.out(
      jsonLine({ file, unbroken: true, entries, last, ...(head === undefined ? {} : { server: described(head) }) }),
    );
  else {
    const whose = head === undefined ? "" : ` of a server, as it was on ${timeOf(head)}`;
    terminal.out(`${file}: ${entries} ${entries === 1 ? "entry" : "entries"}${whose}, unbroken.`, "good");
    if (first !== undefined && newest !== undefined)
      terminal.out(
        `  ${first.sequence} to ${newest.sequence}, from ${timeOf(first)} to ${timeOf(newest)}, the last hash is ${last}`,
      );
    if (head !== undefined) sayWho(request, head, asked);
    else if (asked.last === undefined)
      terminal.out("  What was cut off at its end the file alone cannot show: compare the last hash (--last).", "weak");
  }
  return exitCodes.asWanted;
}

/** What the file is not, though it is whole. */
function unlike({ entries, last, head, holds }: ExportReading, asked: AuditQuestion): Omit<Fault, "line"> | undefined {
  if (asked.server !== undefined && head === undefined)
    return { why: "no server signed it: it is a device's own export" };
  if (asked.server !== undefined && head !== undefined && asked.server !== keyName(head.key))
    return { why: `it is signed by the key ${keyName(head.key)}, which is another server's` };
  if (asked.last !== undefined && asked.last !== last)
    return {
      why: `its last entry has the hash ${last}: what came after it is missing, or it is another audit`,
    };
  if (asked.holds !== undefined && !holds)
    return { why: `none of its ${entries} entries has the hash ${asked.holds}: its past was another` };
  return undefined;
}

function broken({ json, terminal }: Request, file: string, fault: Partial<Fault> & { readonly why: string }): ExitCode {
  const { line, sequence, why } = fault;
  if (json)
    terminal.out(
      jsonLine({
        file,
        unbroken: false,
        ...(line === undefined ? {} : { line }),
        ...(sequence === undefined ? {} : { entry: sequence }),
        why,
      }),
    );
  else {
    const place =
      line === undefined ? "" : sequence === undefined ? `line ${line}: ` : `line ${line}, entry ${sequence}: `;
    terminal.out(`${file} ${line === undefined ? "is not what was asked for" : "is broken"}: ${place}${why}.`, "bad");
  }
  return exitCodes.refuted;
}

const described = ({ at, by, key, first }: AuditHead): object => ({ key: keyName(key), at, by, first });

/** Anybody can sign with a key of his own: whose it is stands on this device, or the reader compares. */
function sayWho({ folder, terminal }: Request, { key }: AuditHead, { server }: AuditQuestion): void {
  const name = keyName(key);
  if (server !== undefined || key === ownServer(folder)) {
    terminal.out(`  signed by ${server === undefined ? "this device's server" : "that server"}, whose key is ${name}`);
    return;
  }
  terminal.out(`  signed by the key ${name}`);
  terminal.out("  Whose key that is the file alone cannot show: compare it with the server's (--server).", "weak");
}

function ownServer(folder: string): string | undefined {
  const found = findState(folder);
  if (found.kind !== "open") return undefined;
  try {
    return readMeta(found.state, "server-key");
  } finally {
    found.state.close();
  }
}

function* chunksOf(file: string): Generator<Uint8Array> {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (cause) {
    throw new AppError("UNREADABLE", `${file}: ${openWhy(cause)}`, { cause });
  }
  try {
    const buffer = Buffer.alloc(mostLineBytes);
    for (let size = readSync(handle, buffer); size > 0; size = readSync(handle, buffer)) yield buffer.subarray(0, size);
  } finally {
    closeSync(handle);
  }
}

const timeOf = ({ at }: Pick<ChainedEntry, "at">): string => new Date(at).toISOString();
