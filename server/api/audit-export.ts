import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { AuditExportQuery } from "@provost/shared/protocol/api.ts";
import { auditLines } from "../audit/export.ts";
import type { StoredSession } from "../store/store.ts";
import type { Parts } from "./parts.ts";

/** The audit as lines, with a signed head. The export is itself an entry, and the last one of a file without an end date. */
export function answerAuditExport(
  { user }: StoredSession,
  query: unknown,
  reply: FastifyReply,
  parts: Parts,
): FastifyReply {
  const { store, audit } = parts;
  const read = AuditExportQuery.safeParse(query);
  if (!read.success) throw new AppError("CONFIG_INVALID", "from and to: wanted milliseconds since 1970");
  const { from = 0, to = Number.MAX_SAFE_INTEGER } = read.data;
  audit.note("export", user, "Exports the audit", {
    ...(read.data.from === undefined ? {} : { from: new Date(from).toISOString() }),
    ...(read.data.to === undefined ? {} : { to: new Date(to).toISOString() }),
  });
  const asked = { from, to, by: user, at: parts.now() };
  return reply
    .type("application/x-ndjson")
    .header("content-disposition", 'attachment; filename="provost-audit.ndjson"')
    .header("cache-control", "no-store")
    .send(Readable.from(auditLines(store.audit, store.access.serverKey(), asked)));
}
