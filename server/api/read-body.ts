import type { IncomingMessage } from "node:http";
import { pipeline, type Readable, type Transform } from "node:stream";
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

/** The request's body, unpacked, with a bound on its size, on each wait and on the whole. `spend` is told of what came. */
export async function* readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  spend: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const encoding = request.headers["content-encoding"] ?? "identity";
  const make = decoders[encoding];
  if (make === undefined)
    throw new UploadEnded(415, "DOCUMENT_REFUSED", "content-encoding is one of identity, gzip, zstd");
  if (Number(request.headers["content-length"] ?? 0) > limits.wireBytes) throw tooLarge(limits);
  const decoder = make();
  // The error is told where it happens, by the loop below.
  const body: Readable = decoder === undefined ? request : pipeline(request, decoder, () => undefined);
  const watch = watched(request, limits, (why) => body.destroy(why));
  let counted = 0;
  const count = (chunk: Buffer): void => {
    counted += chunk.length;
    watch.seen();
    try {
      if (counted > limits.wireBytes) throw tooLarge(limits);
      spend(chunk.length);
    } catch (cause) {
      body.destroy(cause instanceof Error ? cause : undefined);
    }
  };
  request.on("data", count);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) yield chunk;
    if (!request.complete) throw new UploadEnded(400, "DOCUMENT_REFUSED", "the upload was cut short");
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new UploadEnded(
      400,
      "DOCUMENT_REFUSED",
      `the upload broke off: ${cause instanceof Error ? cause.message : "fault"}`,
    );
  } finally {
    watch.stop();
    request.off("data", count);
  }
}

const decoders: Readonly<Record<string, () => Transform | undefined>> = {
  identity: () => undefined,
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
  // A reader that pauses (a commit is under way) is not the sender's fault.
  const stall = setInterval(
    () => {
      if (request.isPaused()) lastAt = performance.now();
      else if (performance.now() - lastAt > stallMs)
        giveUp(new UploadEnded(408, "LIMIT", `nothing came for ${stallMs / 1000} s`));
    },
    Math.min(1000, stallMs / 2),
  );
  const total = setTimeout(
    () => giveUp(new UploadEnded(408, "LIMIT", `an upload takes at most ${totalMs / 60_000} minutes`)),
    totalMs,
  );
  return {
    seen: () => (lastAt = performance.now()),
    stop() {
      clearInterval(stall);
      clearTimeout(total);
    },
  };
}
