import type { FastifyReply, FastifyRequest } from "fastify";
import { newSecret } from "../store/secret.ts";
import type { Person, StoredSession } from "../store/store.ts";
import type { Parts } from "./parts.ts";

export const cookieName = "provost_session";
const sessionMs = 12 * 3600 * 1000;
const linkMs = 15 * 60 * 1000;

/** Whoever starts the server is its owner. */
export const owner: Person = { user: "owner", role: "owner" };

/** A link that signs its bearer in once, as that person. */
export function newSignInLink(parts: Pick<Parts, "store" | "address" | "now">, person = owner): string {
  const secret = newSecret();
  parts.store.access.addSignIn(secret, parts.now() + linkMs, person);
  return `${parts.address()}/sign-in?token=${secret}`;
}

export function signIn(token: unknown, request: FastifyRequest, reply: FastifyReply, parts: Parts): FastifyReply {
  const { access } = parts.store;
  // A link preview must not use the link up.
  const prefetch = request.headers["sec-purpose"]?.toString().includes("prefetch") === true;
  const secret = newSecret();
  const at = parts.now();
  const opened = parts.store.inventory.transaction(() => {
    const person = typeof token !== "string" || prefetch ? undefined : access.takeSignIn(token, at);
    if (person === undefined) return false;
    const { user, role } = person;
    access.addSession(secret, { user, role, csrf: newSecret(), at, expires: at + sessionMs });
    parts.audit.note("sign-in", user, "Signed in by a link", { address: request.ip, role });
    return true;
  });
  if (!opened) return reply.redirect("/?sign-in=expired", 303);
  const secure = parts.address().startsWith("https:") ? "; Secure" : "";
  return reply
    .header(
      "set-cookie",
      `${cookieName}=${secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${sessionMs / 1000}${secure}`,
    )
    .header("cache-control", "no-store")
    .redirect("/", 303);
}

export function readSession(request: FastifyRequest, parts: Pick<Parts, "store" | "now">): StoredSession | undefined {
  const secret = /(?:^|; )provost_session=([A-Za-z0-9_-]+)/.exec(request.headers.cookie ?? "")?.[1];
  return secret === undefined ? undefined : parts.store.access.session(secret, parts.now());
}
