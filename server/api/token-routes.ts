import type { FastifyInstance } from "fastify";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { libraryApi, NewToken } from "@provost/shared/protocol/library-api.ts";
import { namePattern } from "@provost/shared/provenance/name-rule.ts";
import { asRefusal } from "@provost/shared/provenance/refusal.ts";
import type { GrantLimits } from "../machines/grant.ts";
import { newMachineToken } from "../machines/tokens.ts";
import { callerOf } from "./caller.ts";
import type { Parts } from "./parts.ts";

/** Tokens of machines, for the signed-in owner. */
export function tokenRoutes(app: FastifyInstance, parts: Parts): void {
  const { machines } = parts.store;
  app.get(libraryApi.machineTokens.path, async (request, reply) => {
    await callerOf(request, parts, "owner");
    return reply.header("cache-control", "no-store").send({ rows: machines.machineTokens() });
  });
  // Before the body is read: a stranger's bytes are not looked at.
  const onRequest = async (request: Parameters<typeof callerOf>[0]): Promise<void> =>
    void (await callerOf(request, parts, "owner"));
  app.post(libraryApi.newMachineToken.path, { onRequest }, async (request, reply) => {
    const { who } = await callerOf(request, parts, "owner");
    const read = NewToken.safeParse(request.body ?? {});
    if (!read.success) {
      const [issue] = read.error.issues;
      throw new AppError("CONFIG_INVALID", `${issue?.path.join(".") || "body"}: ${issue?.message ?? "not understood"}`);
    }
    const { name, scopes, limits, days } = read.data;
    const kept = plainLimits(limits);
    requireReadable(kept);
    const now = parts.now();
    const wish = { name, scopes: [...new Set(scopes)], limits: kept, expiresAt: now + days * 86_400_000 };
    const made = parts.store.inventory.transaction(() => {
      const issued = newMachineToken(machines, wish, now);
      const says = `Made the token "${name}" for ${wish.scopes.join(", ")}, ${days} days`;
      parts.audit.note("token", who, says, { token: issued.token.id });
      return issued;
    });
    parts.log(`machines: the owner made the token ${made.token.id} "${name}" for ${scopes.join(", ")}, ${days} days`);
    return reply.header("cache-control", "no-store").send(made);
  });
  app.post<{ Params: { id: string } }>(libraryApi.revokeMachineToken.path, { onRequest }, async (request, reply) => {
    const { who } = await callerOf(request, parts, "owner");
    const { id } = request.params;
    parts.store.inventory.transaction(() => {
      if (!machines.revokeMachineToken(id, parts.now()))
        throw new AppError("NOT_FOUND", "there is no such token, or it was revoked before");
      parts.audit.note("token", who, "Revoked a token", { token: id });
    });
    parts.log(`machines: the owner revoked the token ${id}`);
    return reply.header("cache-control", "no-store").send({});
  });
}

function plainLimits({
  purl,
  repository,
}: {
  purl?: GrantLimits["purl"] | undefined;
  repository?: GrantLimits["repository"] | undefined;
}): GrantLimits {
  return { ...(purl === undefined ? {} : { purl }), ...(repository === undefined ? {} : { repository }) };
}

/** A pattern that cannot be used is said now, not when the first document comes. */
function requireReadable(limits: GrantLimits): void {
  try {
    for (const limit of [limits.purl, limits.repository]) if (limit !== undefined) namePattern(limit);
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", `limits: ${asRefusal(cause).message}`, { cause });
  }
}
