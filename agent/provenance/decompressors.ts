import { spawn } from "node:child_process";
import { once } from "node:events";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import type { Pieces } from "@provost/shared/provenance/containers/archive.ts";
import type { Decompressors, OuterPacking } from "@provost/shared/provenance/containers/options.ts";
import { damaged, missingTool } from "@provost/shared/provenance/containers/unpack.ts";

/**
 * What the pure readers cannot unpack (ADR 0012): zstd by Node, the rest by the system's own programs. A program gets bytes and gives bytes: no file
 * name, no shell, of the environment only PATH, and xz a bound on its memory. The reader counts what comes out.
 */
export const decompressors: Decompressors = {
  zstd: unzstd,
  xz: (packed, signal) => byProgram("xz", "xz", ["--format=xz", ...xzOptions], packed, signal),
  lzma: (packed, signal) => byProgram("lzma", "xz", ["--format=lzma", ...xzOptions], packed, signal),
  // Without --quiet: it says on stderr that it ignored bytes behind the end, and ends well all the same.
  bzip2: (packed, signal) => byProgram("bzip2", "bzip2", ["--decompress", "--stdout"], packed, signal),
};

// xz -9 asks for 65 MiB.
const xzOptions: readonly string[] = [
  "--decompress",
  "--stdout",
  "--no-warn",
  "--threads=1",
  "--memlimit-decompress=128MiB",
];

async function* unzstd(packed: Pieces, signal: AbortSignal): Pieces {
  const stream = createZstdDecompress({ chunkSize: 1 << 18 });
  const feeding = feed(packed, stream, signal);
  try {
    for await (const piece of stream) yield piece as Uint8Array;
  } catch (cause) {
    const { fault } = await feeding;
    throw fault ?? (cause instanceof Error && "errno" in cause ? damaged("zstd", cause.message) : cause);
  } finally {
    stream.destroy();
    await feeding;
  }
  const { fault, bytes } = await feeding;
  if (fault !== undefined) throw fault;
  // Node ends with the first frame and passes over what follows it.
  if (stream.bytesWritten !== bytes) throw damaged("zstd", "bytes follow the end of its frame");
}

async function* byProgram(
  packing: OuterPacking,
  program: string,
  args: readonly string[],
  packed: Pieces,
  signal: AbortSignal,
): Pieces {
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    // Options in XZ_OPT or BZIP2 are not ours.
    env: { PATH: process.env["PATH"], LC_ALL: "C" },
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    if (said.length < maxSaid) said += chunk.toString("latin1");
  });
  let notStarted: Error | undefined;
  child.on("error", (error) => (notStarted ??= error));
  const closed = once(child, "close").catch(() => undefined);
  const feeding = feed(packed, child.stdin, signal);
  try {
    for await (const piece of child.stdout) yield piece as Uint8Array;
    const { fault } = await feeding;
    if (fault !== undefined) throw fault;
    await closed;
    if (notStarted !== undefined) throw missingTool(packing, `${program} could not be started: ${notStarted.message}`);
    if (child.exitCode !== 0 || said !== "") throw damaged(packing, `${program} says ${JSON.stringify(said.trim())}`);
  } finally {
    child.kill("SIGKILL");
    child.stdout.destroy();
    await Promise.all([feeding, closed]);
  }
}

const maxSaid = 500;

/** Never rejects. `fault` is what the source of the bytes says; that the other side closed is its own business. */
async function feed(packed: Pieces, into: Writable, signal: AbortSignal): Promise<{ fault?: unknown; bytes: number }> {
  const fed: { fault?: unknown; bytes: number } = { bytes: 0 };
  async function* watched(): Pieces {
    try {
      for await (const piece of packed) {
        fed.bytes += piece.length;
        // Copied: the reader of the disk uses its buffer again.
        yield Buffer.from(piece);
      }
    } catch (cause) {
      fed.fault = cause;
      throw cause;
    }
  }
  await pipeline(Readable.from(watched()), into, { signal }).catch(() => undefined);
  return fed;
}
