import type { FastifyReply, FastifyRequest } from "fastify";
import type { StoredSession } from "../store/store.ts";
import type { Topic } from "../ingest/accept.ts";

export interface LiveFeed {
  changed(topic: Topic, device: string, count: number): void;
  subscribe(listener: (line: string) => void): () => void;
  close(): void;
}

const gatherMs = 500;
export const liveLimits = { subscribers: 500 } as const;

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
export function answerLive(
  _session: StoredSession,
  request: FastifyRequest,
  reply: FastifyReply,
  parts: { readonly live: LiveFeed },
): FastifyReply {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...stringHeaders(reply),
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    connection: "keep-alive",
  });
  raw.write("retry: 2000\n\n");
  const stop = parts.live.subscribe((line) => {
    if (raw.writableLength > 256 * 1024) raw.destroy();
    else raw.write(line);
  });
  const beat = setInterval(() => raw.write(": beat\n\n"), 20_000);
  request.raw.on("close", () => {
    clearInterval(beat);
    stop();
  });
  return reply;
}

const stringHeaders = (reply: FastifyReply): Record<string, string> =>
  Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
