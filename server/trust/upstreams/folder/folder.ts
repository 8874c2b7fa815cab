import { constants } from "node:fs";
import { open, opendir } from "node:fs/promises";
import { join } from "node:path";
import { documentsIn } from "../documents-in.ts";
import { NotNow, upstreamLimits, type Found, type Upstream } from "../upstream.ts";

/** Folders of the server's own disk that the owner named: what a build drops there is taken in, each file once. */
export function folders(paths: readonly string[]): Upstream {
  const seen: Seen = new Map();
  return {
    id: "folder",
    refreshMs: 60_000,
    sources: paths.map((name) => ({ kind: "source", name })),
    knows: (wanted) => wanted.kind === "source" && paths.includes(wanted.name),
    async *pull(wanted, { signal }) {
      if (wanted.kind === "source") yield* filesBelow(wanted.name, maxDepth, { left: maxFiles, seen }, signal);
    },
  };
}

/** What a file looked like when it was taken in: one that is the same is not read again. After a restart all are. */
type Seen = Map<string, string>;

const maxDepth = 4;
const maxFiles = 10_000;

async function* filesBelow(
  folder: string,
  depth: number,
  budget: { left: number; readonly seen: Seen },
  signal: AbortSignal,
): AsyncGenerator<Found> {
  const entries = await opendir(folder).catch((cause: unknown) => {
    throw new NotNow(`${folder} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  });
  for await (const entry of entries) {
    if (signal.aborted || budget.left <= 0) return;
    const path = join(folder, entry.name);
    if (entry.isDirectory() && depth > 0) yield* filesBelow(path, depth - 1, budget, signal);
    else if (entry.isFile() && isEvidence(entry.name)) {
      budget.left -= 1;
      const file = await changedFile(path, budget.seen);
      if (file === undefined) continue;
      yield* documentsIn(entry.name.slice(-500), file.bytes);
      // Whoever takes the document in asks for the next one only when this one is stored.
      budget.seen.set(path, file.identity);
    }
  }
}

const isEvidence = (name: string): boolean =>
  /\.(?:json|jsonl|sigstore|bundle|intoto|attestation|provenance|slsa|spdx|cdx|asc)$/i.test(name);

/** A link may lead anywhere, so none is followed. A file that grows while it is read is taken in again, for it has changed. */
async function changedFile(
  path: string,
  seen: Seen,
): Promise<{ readonly bytes: Buffer; readonly identity: string } | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => undefined,
  );
  if (file === undefined) return undefined;
  try {
    const { size, ino, ctimeMs } = await file.stat();
    const identity = `${ino} ${size} ${ctimeMs}`;
    if (size === 0 || size > upstreamLimits.documentBytes || seen.get(path) === identity) return undefined;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
    return { bytes: buffer.subarray(0, bytesRead), identity };
  } finally {
    await file.close();
  }
}
