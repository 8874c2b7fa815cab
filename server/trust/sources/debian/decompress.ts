import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { DebLimits } from "./limits.ts";

export type Compression = "xz" | "gz" | "zst" | "none";

export type Decompressed = { readonly kind: "done" } | Spoiled;
export interface Spoiled {
  readonly kind: "refused";
  /** `tool`: the server lacks a program; nothing is wrong with the bytes. */
  readonly cause: "damaged" | "bomb" | "stopped" | "tool" | "deadline";
  readonly why: string;
}

export interface Decompressor {
  write(chunk: Buffer): Promise<void>;
  /** Resolves once everything is unpacked or refused, whoever ends it. */
  readonly ended: Promise<Decompressed>;
  end(): Promise<Decompressed>;
}

/** Returns false to stop: what it was told is enough to refuse the whole. */
export type Sink = (chunk: Buffer) => boolean;
export type DecompressLimits = Pick<DebLimits, "unpackedBytes" | "ratio" | "ratioFrom" | "decompressorMiB">;

/**
 * Bytes in, bytes out, never more than `limits` allow. xz runs as a child process: hostile input stays outside this process,
 * two packages use two cores, and 600 packages measured faster than any library in the process (docs/performance.md).
 */
export function decompress(
  how: Compression,
  packedSize: number,
  sink: Sink,
  limits: DecompressLimits,
  signal: AbortSignal,
): Decompressor {
  const gate = bounded(packedSize, sink, limits);
  switch (how) {
    case "none":
      return plain(gate);
    case "xz":
      return child(gate, limits, signal);
    case "gz":
      return inside(createGunzip({ chunkSize: 1 << 18 }), gate, signal);
    case "zst":
      return inside(createZstdDecompress({ chunkSize: 1 << 18 }), gate, signal);
    default:
      return unreachable(how);
  }
}

interface Gate {
  pass(chunk: Buffer): boolean;
  spoiled: Spoiled | undefined;
}

function bounded(packedSize: number, sink: Sink, limits: DecompressLimits): Gate {
  let out = 0;
  const gate: Gate = {
    spoiled: undefined,
    pass(chunk) {
      if (gate.spoiled !== undefined) return false;
      out += chunk.length;
      if (out > limits.unpackedBytes) gate.spoiled = bomb(`unpacks to more than ${limits.unpackedBytes} bytes`);
      else if (out > limits.ratioFrom && out > limits.ratio * packedSize)
        gate.spoiled = bomb(`unpacks to more than ${limits.ratio} times its size`);
      else if (!sink(chunk)) gate.spoiled = { kind: "refused", cause: "stopped", why: "refused by its reader" };
      return gate.spoiled === undefined;
    },
  };
  return gate;
}

const bomb = (why: string): Spoiled => ({ kind: "refused", cause: "bomb", why });
const damaged = (why: string): Spoiled => ({ kind: "refused", cause: "damaged", why });

function plain(gate: Gate): Decompressor {
  const ended = Promise.withResolvers<Decompressed>();
  return {
    write: (chunk) => {
      gate.pass(chunk);
      return Promise.resolve();
    },
    end: () => {
      ended.resolve(gate.spoiled ?? { kind: "done" });
      return ended.promise;
    },
    ended: ended.promise,
  };
}

function child(gate: Gate, limits: DecompressLimits, signal: AbortSignal): Decompressor {
  const args = ["--decompress", "--stdout", "--quiet", "--no-warn", "--threads=1"];
  const xz = spawn("xz", [...args, `--memlimit-decompress=${limits.decompressorMiB}MiB`], {
    stdio: ["pipe", "pipe", "pipe"],
    // XZ_OPT and XZ_DEFAULTS of the server's environment are not ours.
    env: { PATH: process.env["PATH"], LC_ALL: "C" },
  });
  let said = "";
  xz.stderr.on("data", (chunk: Buffer) => {
    if (said.length < 500) said += chunk.toString("latin1");
  });
  const outcome = new Promise<Decompressed>((resolve) => {
    xz.on("error", (error: NodeJS.ErrnoException) => resolve(notStarted(error)));
    xz.on("close", (code) => resolve(gate.spoiled ?? (code === 0 ? { kind: "done" } : damaged(xzSays(said)))));
  });
  const kill = (): void => {
    if (gate.spoiled === undefined) gate.spoiled = late();
    xz.kill("SIGKILL");
  };
  if (signal.aborted) kill();
  signal.addEventListener("abort", kill, { once: true });
  xz.stdout.on("data", (chunk: Buffer) => {
    if (!gate.pass(chunk)) xz.kill("SIGKILL");
  });
  return feeding(
    xz.stdin,
    outcome.finally(() => signal.removeEventListener("abort", kill)),
  );
}

const late = (): Spoiled => ({ kind: "refused", cause: "deadline", why: "unpacking took too long or was stopped" });

function notStarted(error: NodeJS.ErrnoException): Spoiled {
  const why =
    error.code === "ENOENT"
      ? "the server has no xz program; install it with: sudo apt-get install xz-utils"
      : `the server could not start xz: ${error.message}`;
  return { kind: "refused", cause: "tool", why };
}

const xzSays = (said: string): string =>
  `damaged: xz says ${JSON.stringify(said.trim().replace(/^xz: \(stdin\): /, ""))}`;

function inside(stream: Writable & Readable, gate: Gate, signal: AbortSignal): Decompressor {
  const stop = (): void => {
    gate.spoiled ??= late();
    stream.destroy();
  };
  const outcome = new Promise<Decompressed>((resolve) => {
    stream.on("data", (chunk: Buffer) => {
      if (!gate.pass(chunk)) stream.destroy();
    });
    stream.on("error", (error) => resolve(gate.spoiled ?? damaged(`damaged: ${error.message}`)));
    stream.on("end", () => resolve(gate.spoiled ?? { kind: "done" }));
    stream.on("close", () => resolve(gate.spoiled ?? damaged("damaged: it ends too early")));
  });
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  return feeding(
    stream,
    outcome.finally(() => signal.removeEventListener("abort", stop)),
  );
}

/** A writer that stops caring once the other side has its answer: a closed pipe is the outcome's business. */
function feeding(input: Writable, outcome: Promise<Decompressed>): Decompressor {
  let settled = false;
  void outcome.then(() => (settled = true));
  input.on("error", () => undefined);
  return {
    async write(chunk) {
      if (settled || input.destroyed || !input.writable) return;
      if (!input.write(chunk)) await Promise.race([once(input, "drain").catch(() => undefined), outcome]);
    },
    end() {
      if (!input.destroyed) input.end();
      return outcome;
    },
    ended: outcome,
  };
}
