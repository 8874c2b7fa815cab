import type { FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Topic } from "../ingest/accept.ts";
import { readSession } from "./login.ts";
import type { Parts } from "./parts.ts";

export interface LiveFeed {
  readonly subscribers: number;
  changed(topic: Topic, device: string, count: number): void;
  subscribe(listener: (line: string) => void): () => void;
  close(): void;
}

const gatherMs = 500;
const beatMs = 20_000;
export const liveLimits = { subscribers: 500, unreadBytes: 256 * 1024 } as const;

/** Gathers changes for half a second, so that a scan of 20,000 files is a few lines a second on every open page. */
export function openLive(now: () => number): LiveFeed {
  const waiting = new Map<string, { topic: Topic; device: string; changed: number }>();
  const listeners = new Set<(line: string) => void>();
  const timer = setInterval(() => {
    if (waiting.size === 0) return;
    for (const event of waiting.values()) {
      const line = `data: ${JSON.stringify({ ...event, at: now() })}\n\n`;
      for (const listener of listeners) listener(line);
    }
    waiting.clear();
  }, gatherMs);
  return {
    get subscribers() {
      return listeners.size;
    },
    changed(topic, device, count) {
      const key = `${topic} ${device}`;
      const held = waiting.get(key);
      if (held === undefined) waiting.set(key, { topic, device, changed: count });
      else held.changed += count;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      clearInterval(timer);
      listeners.clear();
    },
  };
}

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
