import type { FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { liveLimits } from "./live.ts";
import { readSession } from "./login.ts";
import type { Parts } from "./parts.ts";

const beatMs = 20_000;

/** WHATWG HTML 9.2, server-sent events. A reader that cannot keep up is closed; its browser comes back by itself. */
export function answerLive(request: FastifyRequest, reply: FastifyReply, parts: Parts): FastifyReply {
  if (parts.live.subscribers >= liveLimits.subscribers)
    throw new AppError("LIMIT", `${liveLimits.subscribers} pages are open already; close some`);
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...stringHeaders(reply),
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    connection: "keep-alive",
  });
  raw.write("retry: 2000\n\n");
  const say = (line: string): void => {
    if (raw.writableLength > liveLimits.unreadBytes) raw.destroy();
    else raw.write(line);
  };
  const stop = parts.live.subscribe(say);
  const beat = setInterval(() => {
    // Signed out or expired: the page learns it when it comes back.
    if (readSession(request, parts) === undefined) raw.end();
    else say(": beat\n\n");
  }, beatMs);
  raw.on("close", () => {
    clearInterval(beat);
    stop();
  });
  return reply;
}

const stringHeaders = (reply: FastifyReply): Record<string, string> =>
  Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
