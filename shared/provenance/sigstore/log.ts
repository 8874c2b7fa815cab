import { hash } from "node:crypto";
import { base64Bytes } from "../../lib/strict-base64.ts";
import { signatureCheck, type SignatureCheck } from "../keys/signature-check.ts";
import { forged, Refusal, unknownToTrust, unreadable } from "../refusal.ts";
import type { InclusionProof, LogEntry } from "./bundle.ts";
import type { TransparencyLog } from "./trusted-root.ts";

/** What a transparency log says about an entry: that it holds it, and, where it signed that too, since when. */
export interface Logging {
  readonly log: TransparencyLog;
  /** Milliseconds. Only an inclusion promise signs the time; a proof alone does not. */
  readonly at: number | undefined;
  readonly checks: readonly SignatureCheck[];
}

/** `stamped` are the times that timestamp authorities vouch for, `now` stands for them where there are none. */
export function readLogging(
  entry: LogEntry,
  logs: readonly TransparencyLog[],
  stamped: readonly number[],
  now: number,
): Logging {
  if (entry.promise === undefined && entry.proof === undefined)
    throw unreadable("a log entry has neither a promise nor a proof of inclusion");
  const log = logTrusted(entry, logs, stamped, now);
  const promise = entry.promise === undefined ? undefined : promiseOf(entry, entry.promise, log);
  const proof = entry.proof === undefined ? undefined : inclusion(entry, entry.proof, log);
  return { log, at: promise?.at, checks: [...(promise?.checks ?? []), ...(proof ?? [])] };
}

/** The same key may stand in the trust document twice, for two spans of time. */
function logTrusted(
  entry: LogEntry,
  logs: readonly TransparencyLog[],
  stamped: readonly number[],
  now: number,
): TransparencyLog {
  const named = logs.filter((one) => one.id.equals(entry.logId));
  if (named.length === 0)
    throw unknownToTrust(
      `its log entry is of log ${entry.logId.toString("hex").slice(0, 16)}, which the trust document does not name`,
      "a trust document that names this log",
    );
  const promised = entry.promise === undefined ? undefined : entry.integratedTime * 1000;
  const times = promised === undefined ? (stamped.length === 0 ? [now] : stamped) : [promised];
  // sigstore_common.proto, TimeRange: both ends belong to it.
  const trusted = named.find(({ from, until }) => times.every((at) => at >= from && at <= until));
  if (trusted !== undefined) return trusted;
  if (promised !== undefined) throw forged("the log's key was not trusted at the time of its promise");
  if (stamped.length > 0) throw forged("the log's key was not trusted at the time of signing");
  throw new Refusal(
    "no-time-proof",
    "its log's key is not trusted any more and nothing proves when it was signed",
    "a timestamp from before the end of the log's key",
  );
}

/** Rekor's signed entry timestamp: over the canonical JSON of these four members. */
function promiseOf(entry: LogEntry, promise: Buffer, log: TransparencyLog): { at: number; checks: SignatureCheck[] } {
  const at = entry.integratedTime * 1000;
  const signed = `{"body":"${entry.body.toString("base64")}","integratedTime":${entry.integratedTime},"logID":"${entry.logId.toString("hex")}","logIndex":${entry.logIndex}}`;
  return { at, checks: [signatureCheck("the log's promise of inclusion", log.key, Buffer.from(signed), promise)] };
}

/** RFC 9162 2.1.3.2, with the root taken from the checkpoint alone. */
function inclusion(entry: LogEntry, proof: InclusionProof, log: TransparencyLog): readonly SignatureCheck[] {
  const { checkpoint, check } = checkpointOf(proof.checkpoint, log);
  if (checkpoint.size !== proof.treeSize || !checkpoint.root.equals(proof.rootHash))
    throw forged("the proof of inclusion is for another checkpoint");
  // Without a promise nothing signs the entry's place in the log, and rekor v2 has but one tree: both indexes are the same.
  if (entry.promise === undefined && entry.logIndex !== proof.logIndex)
    throw forged("the log entry and its proof name different places");
  if (!rootOf(hash("sha256", Buffer.concat([leafPrefix, entry.body]), "buffer"), proof).equals(checkpoint.root))
    throw forged("the proof of inclusion does not lead to the log's checkpoint");
  return [check];
}

const leafPrefix = Buffer.from([0]);
const nodePrefix = Buffer.from([1]);

function rootOf(leaf: Buffer, { logIndex, treeSize, hashes }: InclusionProof): Buffer {
  if (logIndex >= treeSize) throw forged("the proof of inclusion names a place beyond the log's end");
  let [node, last, current] = [logIndex, treeSize - 1n, leaf];
  for (const sibling of hashes) {
    if (sibling.length !== 32) throw unreadable("the proof of inclusion holds a hash of another length");
    if (last === 0n) throw forged("the proof of inclusion is too long");
    const right = (node & 1n) === 1n || node === last;
    current = right ? parent(sibling, current) : parent(current, sibling);
    if (right && (node & 1n) === 0n)
      while (node !== 0n && (node & 1n) === 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    node >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) throw forged("the proof of inclusion is too short");
  return current;
}

const parent = (left: Buffer, right: Buffer): Buffer =>
  hash("sha256", Buffer.concat([nodePrefix, left, right]), "buffer");

interface Checkpoint {
  readonly size: bigint;
  readonly root: Buffer;
}

/** c2sp.org/tlog-checkpoint in a c2sp.org/signed-note. */
function checkpointOf(envelope: string, log: TransparencyLog): { checkpoint: Checkpoint; check: SignatureCheck } {
  const split = envelope.indexOf("\n\n");
  if (split < 0) throw unreadable("the checkpoint has no signatures");
  const note = envelope.slice(0, split + 1);
  const [origin, size, root] = note.split("\n");
  if (origin === undefined || size === undefined || root === undefined || !/^(0|[1-9]\d{0,18})$/.test(size))
    throw unreadable("the checkpoint is malformed");
  const digest = base64Bytes(root);
  if (digest?.length !== 32) throw unreadable("the checkpoint's root is malformed");
  // Rekor v1 writes its name and the number of its tree. The name is its pod's where nobody gave it one.
  const name = origin.replace(/ - \d{1,20}$/, "");
  if (log.nameIsBound && name !== log.name) throw forged("the checkpoint is of another log");
  const signature = noteSignature(envelope.slice(split + 2), name, log);
  const check = signatureCheck("the log's checkpoint", log.key, Buffer.from(note), signature);
  return { checkpoint: { size: BigInt(size), root: digest }, check };
}

/** The line under the checkpoint's own name, with the log's key. */
function noteSignature(block: string, name: string, log: TransparencyLog): Buffer {
  const lines = block.split("\n");
  if (lines.pop() !== "" || lines.length > maxNoteSignatures)
    throw unreadable("the checkpoint's signatures are malformed");
  for (const line of lines) {
    const parts = /^\u2014 (\S+) ([A-Za-z0-9+/=]+)$/.exec(line);
    const bytes = parts?.[2] === undefined ? undefined : base64Bytes(parts[2]);
    if (bytes === undefined || bytes.length < 5) throw unreadable("the checkpoint's signatures are malformed");
    if (parts?.[1] === name && bytes.subarray(0, 4).equals(log.checkpointId.subarray(0, 4))) return bytes.subarray(4);
  }
  throw forged("the checkpoint is not signed by the log");
}

/** A log and its witnesses. */
const maxNoteSignatures = 64;
