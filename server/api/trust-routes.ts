import type { FastifyInstance, FastifyRequest } from "fastify";
import type * as z from "zod";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { ChangesQuery, NewRevocation, NewTrust, trustApi } from "@provost/shared/protocol/trust-api.ts";
import { maxTrustLength } from "../trust/trusted.ts";
import { callerOf } from "./caller.ts";
import type { Parts } from "./parts.ts";

/** The trust store, for the owner and for whoever bears a token for it. */
export function trustRoutes(app: FastifyInstance, parts: Parts): void {
  const { trusted } = parts;
  const { trust: versions, attested } = parts.store;
  app.get(trustApi.trust.path, async (request, reply) => {
    await callerOf(request, parts, trustApi.trust.scope);
    const { document, ...current } = trusted.record();
    const answer = {
      current: { ...current, document: JSON.parse(document) as unknown },
      versions: versions.versions(100),
    };
    return reply.header("cache-control", "no-store").send(answer);
  });
  app.get<{ Params: { version: string } }>(trustApi.trustVersion.path, async (request, reply) => {
    await callerOf(request, parts, trustApi.trustVersion.scope);
    return reply
      .type("application/json; charset=utf-8")
      .header("cache-control", "private, max-age=31536000, immutable")
      .send(known(request.params.version));
  });
  app.get<{ Params: { version: string } }>(trustApi.trustChanges.path, async (request, reply) => {
    await callerOf(request, parts, trustApi.trustChanges.scope);
    known(request.params.version);
    const { before = Number.MAX_SAFE_INTEGER, limit } = parsed(ChangesQuery, request.query);
    const { version } = request.params;
    const rows = attested.changes(version, before, limit).map(({ trustVersion: _same, ...row }) => row);
    const last = rows.length === limit ? rows.at(-1)?.number : undefined;
    return reply
      .header("cache-control", "no-store")
      .send({ version, waiting: attested.waiting(), rows, ...(last === undefined ? {} : { next: last }) });
  });

  // Before the body is read: a stranger's bytes are not looked at.
  const onRequest = async (request: FastifyRequest): Promise<void> =>
    void (await callerOf(request, parts, trustApi.publishTrust.scope));
  app.post(trustApi.publishTrust.path, { onRequest, bodyLimit: 2 * maxTrustLength }, async (request, reply) => {
    const { who } = await callerOf(request, parts, trustApi.publishTrust.scope);
    const { document, why } = parsed(NewTrust, request.body ?? {});
    return reply.header("cache-control", "no-store").send(trusted.publish(document, who, why));
  });
  app.post(trustApi.revoke.path, { onRequest }, async (request, reply) => {
    const { who } = await callerOf(request, parts, trustApi.revoke.scope);
    const { from, until, ...rest } = parsed(NewRevocation, request.body ?? {});
    const window = { ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
    return reply.header("cache-control", "no-store").send(trusted.revoke({ ...rest, ...window }, who));
  });

  function known(version: string): string {
    const document = versions.document(version);
    if (document === undefined) throw new AppError("NOT_FOUND", "there is no trust document of this version");
    return document;
  }
}

function parsed<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new AppError("CONFIG_INVALID", `${issue?.path.join(".") || "body"}: ${issue?.message ?? "not understood"}`);
}
