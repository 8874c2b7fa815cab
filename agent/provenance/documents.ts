import { hash } from "node:crypto";
import { lstatSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { Evidence } from "@provost/shared/provenance/format.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import { readDocument } from "./read-document.ts";

/** Larger documents about a file are not read. */
export const maxDocumentBytes = 32 * 1024 * 1024;
/** A folder of evidence with more files, or deeper ones, is a library for the server. */
export const folderLimits = { files: 10_000, depth: 8, bytes: 512 * 1024 * 1024 } as const;

export type FolderLimits = Readonly<Record<keyof typeof folderLimits, number>>;

/** How publishers name what they put beside a file. */
const suffixes = [
  ".sigstore.json",
  ".sigstore",
  ".sbom.sigstore.json",
  ".intoto.jsonl",
  ".jsonl",
  ".att",
  ".attestation",
  ".publish.attestation",
  ".bundle",
  ".sig",
  ".asc",
  ".minisig",
];

/** The names under which documents lie beside a file. The path is bytes, as the kernel knows it. */
export function namesBeside(path: Buffer): readonly Buffer[] {
  return suffixes.map((suffix) => Buffer.concat([path, Buffer.from(suffix)])).filter(isFile);
}

/** A name may be longer than the kernel takes, its folder closed, a link lead nowhere: then nothing lies there for us. */
function isFile(name: Buffer): boolean {
  try {
    return statSync(name, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}

/** One document, or one for each line of a JSONL file whose lines are documents of their own. */
export function documentsAt(named: string | Buffer): readonly Evidence[] {
  const bytes = readDocument("the document", named, maxDocumentBytes);
  const name = basename(named.toString("utf8"));
  // Bundles on several lines are one format's own; bare envelopes are not.
  const several = /\}[ \t\r]*\n\s*\{/.test(bytes.toString("latin1"));
  if (!several) return [evidenceOf(bytes, name)];
  const lines = bytes.toString("utf8").split("\n");
  // Bundles on several lines are one format's own, as far as it reads; bare envelopes are not.
  if (bytes.includes("application/vnd.dev.sigstore.bundle") && lines.length <= maxDocuments)
    return [evidenceOf(bytes, name)];
  return lines.flatMap((line, at) =>
    line.trim() === "" ? [] : [evidenceOf(Buffer.from(line), `${name} line ${at + 1}`)],
  );
}

/** As many lines of bundles as their format reads in one document. */
const maxDocuments = 256;

/** Of more documents than the engine looks at, those that write this file's digest come first. */
export function relevantFirst(
  documents: readonly Evidence[],
  { sha256, sha512 }: Subject,
  most: number,
): readonly Evidence[] {
  if (documents.length <= most) return documents;
  const names = (one: Evidence): boolean => {
    const digests = digestsIn(one);
    return digests.has(sha256) || (sha512 !== undefined && digests.has(sha512));
  };
  const { yes = [], no = [] } = Object.groupBy(documents, (one) => (names(one) ? "yes" : "no"));
  return [...yes, ...no];
}

const evidenceOf = (bytes: Uint8Array, name: string): Evidence => ({
  bytes,
  sha256: hash("sha256", bytes, "hex") as Sha256,
  name,
});

/** A folder of documents: for each file those that name its digest, and those that are named after the file. */
export interface DocumentFolder {
  about(subject: Subject): readonly Evidence[];
  /** What could not be read, and why. */
  readonly unread: readonly string[];
}

export function openFolder(folder: string, limits: FolderLimits = folderLimits): DocumentFolder {
  const unread: string[] = [];
  const documents = filesBelow(folder, limits).flatMap((path) => {
    try {
      return documentsAt(path);
    } catch (cause) {
      if (!(cause instanceof AppError)) throw cause;
      unread.push(cause.message);
      return [];
    }
  });
  const byDigest = new Map<string, Evidence[]>();
  for (const document of documents)
    for (const digest of digestsIn(document)) byDigest.set(digest, [...(byDigest.get(digest) ?? []), document]);
  return {
    unread,
    about({ sha256, sha512, name }) {
      const named = documents.filter((one) => name !== undefined && one.name?.startsWith(`${name}.`) === true);
      return [...new Set([...(byDigest.get(sha256) ?? []), ...(byDigest.get(sha512 ?? "") ?? []), ...named])];
    },
  };
}

function filesBelow(folder: string, limits: FolderLimits): readonly string[] {
  const found: string[] = [];
  let bytes = 0;
  const walk = (at: string, depth: number): void => {
    for (const entry of entriesOf(at)) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) {
        if (depth >= limits.depth) throw tooMuch(folder, `is deeper than ${limits.depth} folders`);
        walk(path, depth + 1);
      } else if (entry.isFile()) {
        found.push(path);
        bytes += lstatSync(path).size;
        if (found.length > limits.files) throw tooMuch(folder, `holds more than ${limits.files} files`);
        if (bytes > limits.bytes) throw tooMuch(folder, `holds more than ${limits.bytes} bytes`);
      }
    }
  };
  walk(folder, 1);
  return found.sort();
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new AppError(
      code === "EACCES" ? "UNREADABLE" : "NOT_FOUND",
      `the evidence folder ${folder} cannot be read (${code})`,
      {
        cause,
        remedy: "name a folder that this user may read, or single documents with --bundle",
      },
    );
  }
}

const tooMuch = (folder: string, why: string): AppError =>
  new AppError("LIMIT", `the evidence folder ${folder} ${why}`, {
    remedy: "name a folder nearer to the documents, or keep them in the server's library",
  });

/**
 * Every SHA-256 and SHA-512 a document writes, in its own text, in the payload of its envelopes, and as base64 where bundles do. It
 * only chooses what is asked: what a document proves is for its format to say.
 */
function digestsIn({ bytes }: Evidence): ReadonlySet<string> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  const inner = [...text.matchAll(/"(?:payload|statement)"\s*:\s*"([A-Za-z0-9+/=]+)"/g)].map(([, base64 = ""]) =>
    Buffer.from(base64, "base64").toString("latin1"),
  );
  const encoded = [...text.matchAll(/"digest"\s*:\s*"([A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)"/g)];
  return new Set([
    ...[text, ...inner].flatMap((one) => one.match(/\b(?:[0-9a-f]{128}|[0-9a-f]{64})\b/g) ?? []),
    ...encoded.map(([, base64 = ""]) => Buffer.from(base64, "base64").toString("hex")),
  ]);
}
