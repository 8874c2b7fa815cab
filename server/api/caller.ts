import type { FastifyRequest } from "fastify";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { withinLimits, type Scope } from "../machines/grant.ts";
import type { MayAdd } from "../trust/library/library.ts";
import { readSession } from "./login.ts";
import type { Parts } from "./parts.ts";

/** Who asks: a machine by its token, or a signed-in person. */
export interface Caller {
  readonly who: string;
  /** One name for each token or person, whatever they are called. */
  readonly id: string;
  readonly mayAdd: MayAdd;
  /** Throws when the caller has had too much. */
  spend(bytes: number): void;
}

/** A token where one is sent, else the session. Throws before anything of the body is read. */
export async function callerOf(
  request: FastifyRequest,
  parts: Pick<Parts, "machines" | "store" | "now">,
  scope: Scope | "owner",
): Promise<Caller> {
  const { authorization } = request.headers;
  if (authorization !== undefined && scope !== "owner") {
    const grant = await parts.machines.enter(authorization, request.ip, scope);
    return {
      who: grant.who,
      id: grant.id,
      mayAdd: (keys) => withinLimits(grant.limits, keys),
      spend: (bytes) => parts.machines.spend(grant, bytes),
    };
  }
  const session = readSession(request, parts);
  if (session === undefined)
    throw new AppError(
      authorization === undefined ? "TOKEN_REFUSED" : "SESSION_REFUSED",
      authorization === undefined
        ? 'send a token as "authorization: Bearer ...", or sign in'
        : "this is for a signed-in owner; no token opens it",
    );
  if (session.role !== "owner") throw new AppError("NOT_ALLOWED", "this is for the owner");
  if (request.method === "POST" && request.headers["x-csrf"] !== session.csrf)
    throw new AppError("NOT_ALLOWED", "the x-csrf header is missing or wrong");
  return { who: session.user, id: `person:${session.user}`, mayAdd: () => undefined, spend: () => undefined };
}
