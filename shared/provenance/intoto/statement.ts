import * as z from "zod";
import { parseStrictJson } from "../../lib/strict-json.ts";
import { unreadable, unsupported } from "../refusal.ts";
import type { Envelope } from "./envelope.ts";

/** in-toto Statement v0.1 and v1: a predicate about subjects that are named by digest. */
export interface Statement {
  readonly version: "0.1" | "1";
  readonly subjects: readonly [StatementSubject, ...StatementSubject[]];
  readonly predicateType: string;
  readonly predicate: unknown;
}

export interface StatementSubject {
  readonly name: string;
  readonly digest: Readonly<Record<string, string>>;
}

export function statementIn(envelope: Envelope): Statement {
  if (!payloadTypes.has(envelope.payloadType))
    throw unsupported(`the envelope's payload type ${envelope.payloadType.slice(0, 100)} is not read`);
  return readStatement(envelope.payload);
}

const payloadTypes = new Set(["application/vnd.in-toto+json", "application/vnd.in-toto.provenance+dsse"]);

export function readStatement(bytes: Uint8Array): Statement {
  const json = parseStrictJson(bytes);
  if (!json.ok) throw unreadable(`the statement is not read: ${json.why}`);
  return statementOf(json.value);
}

export function statementOf(document: unknown): Statement {
  const parsed = StatementDocument.safeParse(document);
  if (!parsed.success) {
    const [first] = parsed.error.issues;
    throw unreadable(`the statement is malformed: ${first?.path.join(".") ?? ""} ${first?.message ?? ""}`.trim());
  }
  const { _type, subject, predicateType, predicate } = parsed.data;
  const version = statementTypes[_type];
  if (version === undefined) throw unsupported(`the statement type ${_type.slice(0, 100)} is not read`);
  const [first, ...rest] = subject.map(({ name, digest }) => ({ name: name ?? "", digest: digest ?? {} }));
  if (first === undefined) throw unreadable("the statement names no subject");
  return { version, subjects: [first, ...rest], predicateType, predicate };
}

const statementTypes: Readonly<Record<string, Statement["version"] | undefined>> = {
  "https://in-toto.io/Statement/v0.1": "0.1",
  "https://in-toto.io/Statement/v1": "1",
};

export const maxSubjects = 10_000;
const text = z.string().max(4096);
const StatementDocument = z.object({
  _type: text,
  subject: z
    .array(z.object({ name: text.nullish(), digest: z.record(z.string().max(64), z.string().max(1024)).nullish() }))
    .min(1)
    .max(maxSubjects),
  predicateType: z.string().min(1).max(1024),
  predicate: z.unknown().optional(),
});
