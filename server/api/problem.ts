import type { FastifyReply } from "fastify";

/** RFC 9457 problem details. */
export const problem = (reply: FastifyReply, status: number, code: string, detail: string): FastifyReply =>
  reply
    .code(status)
    .type("application/problem+json")
    .header("cache-control", "no-store")
    .send({ title: titles[status] ?? "Error", status, detail, code });

const titles: Readonly<Record<number, string>> = {
  400: "Not understood",
  401: "Sign in first",
  403: "Refused",
  404: "Not found",
  408: "Too slow",
  413: "Too large",
  415: "Not understood",
  421: "Wrong host",
  422: "Refused",
  429: "Too much",
  500: "The server failed",
  507: "No space",
};
