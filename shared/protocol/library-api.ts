import * as z from "zod";

/**
 * What machines and the owner may ask of the evidence library: the routes' validation and their part of the OpenAPI document. Apart
 * from the console's table (api.ts) because their bodies are streams and their callers bear tokens.
 */

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.number().int().nonnegative();
const text = (max: number) => z.string().min(1).max(max);

/** "sha256:" or "sha512:" and the digest in lower-case hexadecimal; without an algorithm it is a SHA-256. */
export const SubjectText = z.string().regex(/^(?:(?:sha256:)?[0-9a-f]{64}|sha512:[0-9a-f]{128})$/);

export const UploadQuery = z.object({ subject: SubjectText.optional(), name: text(500).optional() });

export const Outcome = z.object({
  /** Its place in the upload, counted from 1. */
  number: z.number().int().positive(),
  outcome: z.enum(["added", "known", "contradictory", "refused"]),
  sha256: digest.optional(),
  kind: z.string().optional(),
  subjects: z.number().int().optional(),
  code: z.enum(["DOCUMENT_REFUSED", "LIMIT", "NOT_ALLOWED"]).optional(),
  why: z.string().optional(),
  contradicts: z.array(digest).optional(),
});
export const Received = z.object({
  added: z.number().int(),
  known: z.number().int(),
  contradictory: z.number().int(),
  refused: z.number().int(),
  documents: z.array(Outcome),
  untold: z.number().int(),
});
export const Imported = Received.extend({
  /** The last line was read and the digest over all documents agrees. */
  complete: z.boolean(),
  says: z.string(),
});

const words = {
  purl: text(4096),
  repository: text(4096),
  commit: text(64),
  builder: text(4096),
  signer: text(4096),
  predicate: text(1024),
};
export const ListQuery = z
  .object({
    subject: SubjectText.optional(),
    purl: words.purl.optional(),
    repository: words.repository.optional(),
    commit: words.commit.optional(),
    builder: words.builder.optional(),
    signer: words.signer.optional(),
    predicate: words.predicate.optional(),
    cursor: text(2000).optional(),
    limit: z.coerce.number().int().min(1).max(500).default(100),
  })
  .refine(
    ({ cursor: _cursor, limit: _limit, ...asked }) =>
      Object.values(asked).filter((one) => one !== undefined).length <= 1,
    "ask by one of subject, purl, repository, commit, builder, signer, predicate",
  );
export const Document = z.object({
  sha256: digest,
  kind: z.string(),
  mediaType: z.string(),
  name: z.string().optional(),
  from: z.string(),
  addedAt: time,
  size: z.number().int(),
});
export const DocumentList = z.object({ rows: z.array(Document), next: z.string().optional() });

const NameLimit = z.union([z.strictObject({ exact: text(2000) }), z.strictObject({ pattern: text(500) })]);
export const GrantLimits = z.strictObject({ purl: NameLimit.optional(), repository: NameLimit.optional() });
export const Scope = z.enum(["documents:read", "documents:write", "library:admin", "trust:write"]);
export const maxTokenDays = 730;
export const NewToken = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,99}$/),
  scopes: z.array(Scope).min(1).max(4),
  limits: GrantLimits.default({}),
  days: z.number().int().min(1).max(maxTokenDays).default(90),
});
export const Token = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(Scope),
  limits: GrantLimits,
  createdAt: time,
  expiresAt: time,
  usedAt: time.optional(),
  revokedAt: time.optional(),
});
export const TokenList = z.object({ rows: z.array(Token) });
/** `secret` is shown this once. */
export const MadeToken = z.object({ token: Token, secret: z.string() });
const None = z.object({});

interface Described {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly doc: string;
  /** The scope a machine needs; "owner" takes a signed-in person alone. */
  readonly scope: z.infer<typeof Scope> | "owner";
  readonly query: z.ZodType;
  readonly body?: z.ZodType | "stream";
  readonly answer: z.ZodType | "stream";
}

export const libraryApi = {
  uploadDocuments: {
    method: "POST",
    path: "/api/v1/documents",
    doc: "Adds evidence: the body is one document, or with content type application/x-ndjson one on each line",
    scope: "documents:write",
    query: UploadQuery,
    body: "stream",
    answer: Received,
  },
  documents: {
    method: "GET",
    path: "/api/v1/documents",
    doc: "Documents by one thing they say they are about, in the order they came",
    scope: "documents:read",
    query: ListQuery,
    answer: DocumentList,
  },
  document: {
    method: "GET",
    path: "/api/v1/documents/:sha256",
    doc: "The exact bytes of one document, never rendered",
    scope: "documents:read",
    query: None,
    answer: "stream",
  },
  exportLibrary: {
    method: "GET",
    path: "/api/v1/library/export",
    doc: "The whole library as NDJSON compressed with zstd: a header, every document, a closing line with a digest over all",
    scope: "library:admin",
    query: None,
    answer: "stream",
  },
  importLibrary: {
    method: "POST",
    path: "/api/v1/library/import",
    doc: "Takes an export in; documents that are known are passed over, so that it may be sent again",
    scope: "library:admin",
    query: None,
    body: "stream",
    answer: Imported,
  },
  machineTokens: {
    method: "GET",
    path: "/api/v1/tokens",
    doc: "The tokens of machines, without their secrets",
    scope: "owner",
    query: None,
    answer: TokenList,
  },
  newMachineToken: {
    method: "POST",
    path: "/api/v1/tokens",
    doc: "Makes a token; its secret is in this answer and nowhere else",
    scope: "owner",
    query: None,
    body: NewToken,
    answer: MadeToken,
  },
  revokeMachineToken: {
    method: "POST",
    path: "/api/v1/tokens/:id/revoke",
    doc: "Ends a token at once",
    scope: "owner",
    query: None,
    answer: None,
  },
} as const satisfies Readonly<Record<string, Described>>;

/** One line of an export. `number` of the header is the form's version. */
export const ExportHeader = z.object({
  library: z.literal("provost"),
  form: z.literal(1),
  documents: z.number().int(),
  at: time,
});
export const ExportLine = z.object({
  sha256: digest,
  mediaType: z.string().max(200),
  name: z.string().max(500).optional(),
  /** Named by whoever handed it in, where the document names nothing itself. */
  subject: SubjectText.optional(),
  from: z.string().max(1000),
  addedAt: time,
  base64: z.string().max(24 * 1024 * 1024),
});
/** `digest` is the SHA-256 of every document's digest in hexadecimal, each followed by a line feed, in this order. */
export const ExportEnd = z.object({ end: z.literal(true), documents: z.number().int(), digest });
