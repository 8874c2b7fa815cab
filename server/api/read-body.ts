import type { IncomingMessage } from "node:http";
import { PassThrough, type Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { AppError } from "@provost/shared/lib/app-error.ts";

/** Why an upload was given up, as HTTP says it. */
export class UploadEnded extends AppError {
  readonly status: 400 | 408 | 413 | 415;
  constructor(status: 400 | 408 | 413 | 415, code: "LIMIT" | "DOCUMENT_REFUSED", message: string) {
    super(code, message);
    this.status = status;
  }
}

export interface BodyLimits {
  /** Bytes as they come over the wire; what they unpack to is bounded by whoever reads. */
  readonly wireBytes: number;
  readonly stallMs: number;
  readonly totalMs: number;
}

/**
 * The request's body, unpacked, with a bound on its size, on each wait and on the whole. `spend` is told of what came. The request
 * itself is never destroyed here: its connection is still needed for the answer.
 */
export async function* readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  spend: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const make = decoders[request.headers["content-encoding"] ?? "identity"];
  if (make === undefined)
    throw new UploadEnded(415, "DOCUMENT_REFUSED", "content-encoding is one of identity, gzip, zstd");
  if (Number(request.headers["content-length"] ?? 0) > limits.wireBytes) throw tooLarge(limits);
  const body = make();
  const giveUp = (why: Error): void => void body.destroy(why);
  const watch = watched(request, limits, giveUp);
  let counted = 0;
  const count = (chunk: Buffer): void => {
    counted += chunk.length;
    watch.seen();
    try {
      if (counted > limits.wireBytes) throw tooLarge(limits);
      spend(chunk.length);
    } catch (cause) {
      giveUp(cause instanceof Error ? cause : new Error("fault"));
    }
  };
  const cut = (): void => {
    if (!request.complete) giveUp(new UploadEnded(400, "DOCUMENT_REFUSED", "the upload was cut short"));
  };
  request.on("data", count);
  request.on("close", cut);
  request.on("error", cut);
  request.pipe(body);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) yield chunk;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new UploadEnded(400, "DOCUMENT_REFUSED", `the body cannot be unpacked: ${reasonOf(cause)}`);
  } finally {
    watch.stop();
    request.unpipe(body);
    request.off("data", count);
    request.off("close", cut);
  }
}

const decoders: Readonly<Record<string, () => Transform>> = {
  identity: () => new PassThrough(),
  gzip: () => createGunzip(),
  zstd: () => createZstdDecompress(),
};

const tooLarge = ({ wireBytes }: BodyLimits): UploadEnded =>
  new UploadEnded(413, "LIMIT", `an upload has at most ${wireBytes} bytes`);

function watched(
  request: IncomingMessage,
  { stallMs, totalMs }: BodyLimits,
  giveUp: (why: Error) => void,
): { seen(): void; stop(): void } {
  let lastAt = performance.now();
  const seen = (): void => {
    lastAt = performance.now();
  };
  const look = (): void => {
    // While it is paused a commit is under way here: that is not the sender's fault.
    if (request.isPaused()) seen();
    else if (performance.now() - lastAt > stallMs)
      giveUp(new UploadEnded(408, "LIMIT", `nothing came for ${stallMs / 1000} s`));
  };
  const stall = setInterval(look, Math.min(1000, stallMs / 2));
  const total = setTimeout(
    () => giveUp(new UploadEnded(408, "LIMIT", `an upload takes at most ${totalMs / 60_000} minutes`)),
    totalMs,
  );
  return {
    seen,
    stop() {
      clearInterval(stall);
      clearTimeout(total);
    },
  };
}

/**
 * An answer that comes before its request is whole: what still comes is passed over for a moment, so that the sender gets to read the
 * answer instead of a broken connection, and then the connection ends. Nobody may send for ever.
 */
export function linger(request: IncomingMessage, ms = lingerMs): void {
  if (request.complete) return;
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), ms);
  const done = (): void => clearTimeout(timer);
  request.once("end", done);
  request.once("close", done);
}

const lingerMs = 2000;
const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : "fault");
