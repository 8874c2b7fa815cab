import type { FastifyReply } from "fastify";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { fileNameOf } from "../triage/file-name.ts";
import type { StoredSession } from "../store/store.ts";
import type { Parts } from "./parts.ts";

/** A bundle as the device sent it: a download, never shown as a page. Who took it is an entry of the audit. */
export function answerTriage(session: StoredSession, command: string, reply: FastifyReply, parts: Parts): FastifyReply {
  const { store, audit } = parts;
  const about = store.triage.one(command);
  const bytes = store.triage.read(command);
  if (about === undefined || bytes === undefined)
    throw new AppError("NOT_FOUND", about?.why ?? "no bundle of this order is kept");
  audit.note("command", session.user, "Took the triage bundle", { command, sha256: about.sha256 });
  return reply
    .type("application/gzip")
    .header("content-disposition", `attachment; filename="${fileNameOf(about)}"`)
    .header("cache-control", "no-store")
    .send(bytes);
}
