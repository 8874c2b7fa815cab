import { Readable } from "node:stream";
import { createZstdCompress } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type * as z from "zod";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { safeText } from "@provost/shared/lib/path-text.ts";
import { instant, isSha256 } from "@provost/shared/model/ids.ts";
import { libraryApi, ListQuery, UploadQuery } from "@provost/shared/protocol/library-api.ts";
import { RateExceeded } from "../machines/machines.ts";
import type { DocumentPage, Page } from "../trust/library/library-store.ts";
import { libraryLimits } from "../trust/library/limits.ts";
import { receiveLines, receiveOne, type Received } from "../trust/library/receive.ts";
import { exportLines, importLines, subjectOfText } from "../trust/library/transfer.ts";
import { callerOf, type Caller } from "./caller.ts";
import { sendBytes } from "./evidence.ts";
import type { Parts } from "./parts.ts";
import { problem } from "./problem.ts";
import { readBody, UploadEnded } from "./read-body.ts";

/** The evidence library for machines and the owner. In a scope of its own, because its bodies are streams. */
export async function libraryRoutes(scope: FastifyInstance, parts: Parts): Promise<void> {
  scope.removeAllContentTypeParsers();
  // The body stays where it is until a caller is known; then it is read piece by piece.
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null, undefined));
  const slots = openSlots();

  scope.post(libraryApi.uploadDocuments.path, async (request, reply) => {
    const caller = await callerOf(request, parts, libraryApi.uploadDocuments.scope);
    return slots(caller, () => answering(reply, () => upload(request, reply, caller, parts)));
  });
  scope.get(libraryApi.documents.path, async (request, reply) => {
    await callerOf(request, parts, libraryApi.documents.scope);
    const { limit, cursor, ...asked } = parsed(ListQuery, request.query);
    const page = { limit, ...(cursor === undefined ? {} : { cursor }) };
    return reply.header("cache-control", "no-store").send(listed(parts, asked, page));
  });
  scope.get<{ Params: { sha256: string } }>(libraryApi.document.path, async (request, reply) => {
    const caller = await callerOf(request, parts, libraryApi.document.scope);
    const { sha256 } = request.params;
    const document = isSha256(sha256) ? parts.store.library.document(sha256) : undefined;
    if (document === undefined) throw new AppError("NOT_FOUND", "the library has no document of this digest");
    caller.spend(document.bytes.length);
    return sendBytes(reply, sha256, document.mediaType, document.bytes);
  });
  scope.get(libraryApi.exportLibrary.path, async (request, reply) => {
    const caller = await callerOf(request, parts, libraryApi.exportLibrary.scope);
    parts.audit.note("export", caller.who, `Exports the evidence library: ${parts.store.library.count()} documents`);
    parts.log(`library: ${safeText(caller.who)} exports ${parts.store.library.count()} documents`);
    return sendExport(reply, parts);
  });
  scope.post(libraryApi.importLibrary.path, async (request, reply) => {
    const caller = await callerOf(request, parts, libraryApi.importLibrary.scope);
    return slots(caller, () => answering(reply, () => takeImport(request, reply, caller, parts)));
  });
}

type Slots = (caller: Caller, work: () => Promise<FastifyReply>) => Promise<FastifyReply>;

/** So many uploads at a time, and so many of one caller. */
function openSlots(): Slots {
  const busy: string[] = [];
  return async ({ id }, work) => {
    const own = busy.filter((one) => one === id).length;
    if (busy.length >= libraryLimits.uploadsAtOnce || own >= libraryLimits.uploadsPerCaller)
      throw new RateExceeded(`${own} uploads of yours and ${busy.length - own} of others are under way`, 5000);
    busy.push(id);
    try {
      return await work();
    } finally {
      busy.splice(busy.indexOf(id), 1);
    }
  };
}

function parsed<T extends z.ZodType>(schema: T, query: unknown): z.infer<T> {
  const read = schema.safeParse(query);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new AppError("CONFIG_INVALID", `${issue?.path.join(".") || "query"}: ${issue?.message ?? "not understood"}`);
}

async function upload(
  request: FastifyRequest,
  reply: FastifyReply,
  caller: Caller,
  parts: Parts,
): Promise<FastifyReply> {
  const { subject, name } = parsed(UploadQuery, request.query);
  const mediaType = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  const about = name === undefined ? {} : { name };
  const named = subject === undefined ? undefined : subjectOfText(subject);
  const many = mediaType === "application/x-ndjson" || mediaType === "application/jsonl";
  if (many && named !== undefined)
    throw new AppError("CONFIG_INVALID", "subject: it names the subject of one document, not of many");
  const body = readBody(
    request.raw,
    bodyLimits(many ? libraryLimits.uploadBytes : libraryLimits.documentBytes),
    (bytes) => caller.spend(bytes),
  );
  const received = many
    ? await receiveLines(body, about, receiving(caller, parts))
    : await receiveOne(
        body,
        { ...about, ...(named === undefined ? {} : { subject: named }) },
        receiving(caller, parts),
      );
  logged(caller, "uploaded", received, parts);
  const accepted = received.added + received.known + received.contradictory;
  return reply
    .code(accepted === 0 && received.refused > 0 ? 422 : 200)
    .header("cache-control", "no-store")
    .send(received);
}

async function takeImport(
  request: FastifyRequest,
  reply: FastifyReply,
  caller: Caller,
  parts: Parts,
): Promise<FastifyReply> {
  // The rate of bytes is for those who add evidence day by day; who may move a library moves all of it.
  const limits = {
    wireBytes: libraryLimits.importBytes,
    stallMs: libraryLimits.stallMs,
    totalMs: libraryLimits.importMs,
  };
  const body = readBody(request.raw, limits, () => undefined);
  const { from: _from, ...rest } = receiving(caller, parts);
  const imported = await importLines(body, { ...rest, from: `import by ${caller.who}`.slice(0, 1000) });
  logged(caller, "imported", imported, parts);
  return reply
    .code(imported.complete ? 200 : 422)
    .header("cache-control", "no-store")
    .send(imported);
}

const receiving = ({ who, mayAdd }: Caller, parts: Parts) => ({
  library: parts.library,
  from: who.slice(0, 1000),
  now: () => instant(parts.now()),
  mayAdd,
});

const bodyLimits = (wireBytes: number) => ({
  wireBytes,
  stallMs: libraryLimits.stallMs,
  totalMs: libraryLimits.uploadMs,
});

/** What ends an upload early is answered with what it was. */
async function answering(reply: FastifyReply, work: () => Promise<FastifyReply>): Promise<FastifyReply> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof UploadEnded) return problem(reply, cause.status, cause.code, cause.message);
    if (cause instanceof AppError && !(cause instanceof RateExceeded) && cause.code === "LIMIT")
      return problem(reply, 413, cause.code, cause.message);
    if (isFull(cause))
      return problem(reply, 507, "STATE_UNUSABLE", "the server's disk is full; what was not answered is not stored");
    throw cause;
  }
}

const isFull = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && (cause.code === "SQLITE_FULL" || cause.code === "ENOSPC");

function logged({ who }: Caller, did: string, { added, known, contradictory, refused }: Received, parts: Parts): void {
  parts.log(
    `library: ${safeText(who)} ${did} ${added} new, ${known} known, ${contradictory} contradictory, ${refused} refused`,
  );
}

function listed(parts: Parts, asked: Omit<z.infer<typeof ListQuery>, "limit" | "cursor">, page: Page): DocumentPage {
  const { library } = parts.store;
  const subject = asked.subject === undefined ? undefined : subjectOfText(asked.subject);
  if (subject !== undefined) return library.listSubject(subject, page);
  if (asked.purl !== undefined) return library.byPurl(asked.purl, page);
  if (asked.repository !== undefined) return library.byRepository(asked.repository, page);
  if (asked.commit !== undefined) return library.byCommit(asked.commit, page);
  if (asked.builder !== undefined) return library.byBuilder(asked.builder, page);
  if (asked.signer !== undefined) return library.bySigner(asked.signer, page);
  if (asked.predicate !== undefined) return library.byPredicate(asked.predicate, page);
  return library.all(page);
}

function sendExport(reply: FastifyReply, parts: Parts): FastifyReply {
  const lines = Readable.from(exportLines(parts.store.library, instant(parts.now())), { objectMode: true });
  const packed = lines.pipe(createZstdCompress());
  // An export that fails half way has no closing line; the connection is cut so that nobody takes it for whole.
  lines.on("error", (cause) => {
    parts.log(`library: an export failed: ${cause.message}`);
    packed.destroy(cause);
  });
  packed.on("close", () => lines.destroy());
  return reply
    .header("content-type", "application/zstd")
    .header("content-disposition", 'attachment; filename="provost-library.ndjson.zst"')
    .header("cache-control", "no-store")
    .send(packed);
}
