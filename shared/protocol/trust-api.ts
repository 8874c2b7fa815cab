import * as z from "zod";
import { bases, standings } from "../model/verdict.ts";

/**
 * What machines and the owner may ask of the trust store: the routes' validation and their part of the OpenAPI document.
 * A version is "sha256:" and the digest of the document's canonical JSON.
 */

const time = z.number().int().nonnegative();
const None = z.object({});
const Word = z.object({ standing: z.enum(standings), basis: z.enum(bases) });

const Record = z.object({ version: z.string(), at: time, by: z.string(), why: z.string() });
const why = z.string().min(1).max(500);

export const NewTrust = z.strictObject({ document: z.record(z.string(), z.unknown()), why });
export const NewRevocation = z.strictObject({
  what: z.enum(["signer", "key", "digest", "package", "certificate"]),
  value: z.string().min(1).max(4096),
  from: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  why,
});
export const ChangesQuery = z.object({
  before: z.coerce.number().int().positive().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
/** What became another verdict under this version. `waiting`: subjects that are still to be judged again. */
export const Changes = z.object({
  version: z.string(),
  waiting: z.number().int(),
  rows: z.array(
    z.object({
      number: z.number().int(),
      subject: z.string(),
      at: time,
      from: Word.optional(),
      to: Word.optional(),
      says: z.string(),
    }),
  ),
  next: z.number().int().optional(),
});

export const trustApi = {
  trust: {
    method: "GET",
    path: "/api/v1/trust",
    doc: "The trust document that counts now, and the versions before it",
    scope: "documents:read",
    query: None,
    answer: z.object({ current: Record.extend({ document: z.unknown() }), versions: z.array(Record) }),
  },
  trustVersion: {
    method: "GET",
    path: "/api/v1/trust/:version",
    doc: "One trust document, as verdicts name it",
    scope: "documents:read",
    query: None,
    answer: z.unknown(),
  },
  trustChanges: {
    method: "GET",
    path: "/api/v1/trust/:version/changes",
    doc: "Which verdicts changed under a trust document, the newest first",
    scope: "documents:read",
    query: ChangesQuery,
    answer: Changes,
  },
  publishTrust: {
    method: "POST",
    path: "/api/v1/trust",
    doc: "Publishes a trust document; everything that rested on the one before is judged again",
    scope: "trust:write",
    query: None,
    body: NewTrust,
    answer: Record,
  },
  revoke: {
    method: "POST",
    path: "/api/v1/trust/revocations",
    doc: "Withdraws a signer, key, certificate, digest or package version, as a new version of the document",
    scope: "trust:write",
    query: None,
    body: NewRevocation,
    answer: Record,
  },
} as const;
