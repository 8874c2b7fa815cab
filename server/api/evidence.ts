import type { FastifyReply } from "fastify";
import { isSha256 } from "@provost/shared/model/ids.ts";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Store } from "../store/store.ts";

/** The stored bytes, never rendered: text is sent as plain text, everything else as a download. */
export function answerEvidence(sha256: string, reply: FastifyReply, store: Store): FastifyReply {
  const document = isSha256(sha256) ? store.evidence.get(sha256) : undefined;
  if (document === undefined) throw new AppError("NOT_FOUND", "no evidence document has this digest");
  return sendBytes(reply, sha256, document.mediaType, document.bytes);
}

export function sendBytes(reply: FastifyReply, sha256: string, mediaType: string, bytes: Uint8Array): FastifyReply {
  const text = /^(text\/|application\/([a-z.+-]*\+)?json$)/.test(mediaType);
  return reply
    .header("content-type", text ? "text/plain; charset=utf-8" : "application/octet-stream")
    .header("content-disposition", `${text ? "inline" : "attachment"}; filename="${sha256}"`)
    .header("cache-control", "private, max-age=31536000, immutable")
    .send(Buffer.from(bytes));
}
