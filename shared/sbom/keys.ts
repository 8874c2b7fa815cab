import { parseStrictJson } from "../lib/strict-json.ts";
import { base64Bytes } from "../lib/strict-base64.ts";
import type { Purl } from "../model/ids.ts";
import { statementOf, type Statement } from "../provenance/intoto/statement.ts";
import { guarded, unreadable } from "../provenance/refusal.ts";
import type { SubjectDigest } from "../provenance/said.ts";
import { digestOf } from "./digest.ts";
import { objectOf, type Json } from "./fields.ts";
import { sbomLimits } from "./limits.ts";
import { readDocument, readJsonDocument, type DocumentReading } from "./read.ts";
import type { SbomComponent, SbomDigest } from "./sbom.ts";
import type { Vex } from "./vex.ts";

/** By what a document is found again. It is about these things; whether it tells the truth is another question. */
export interface SbomKeys {
  readonly kind: "cyclonedx" | "spdx" | "openvex";
  /** Every SHA-256, every SHA-512 and every package that it names, what it describes and what that is made of. Without repetition, in order. */
  readonly subjects: readonly SubjectDigest[];
  readonly purls: readonly Purl[];
  /** Of these, what the document as a whole describes. A statement around it adds its own subjects. */
  readonly describes: { readonly subjects: readonly SubjectDigest[]; readonly purls: readonly Purl[] };
  /** Vulnerabilities that it makes a VEX statement about, aliases included. */
  readonly vulnerabilities: readonly string[];
}

export type KeysReading =
  | { readonly ok: true; readonly keys: SbomKeys }
  | { readonly ok: false; readonly basis: "foreign" | "unreadable" | "unsupported"; readonly why: string };

/**
 * The keys of a bill of materials or VEX document: by itself, as the predicate of an in-toto statement, or in a DSSE envelope or
 * Sigstore bundle around that. No signature is looked at. Never throws.
 */
export function keysOf(bytes: Uint8Array): KeysReading {
  const wrapped = inside(bytes);
  if (wrapped.kind === "statement") return keysOfStatement(wrapped.statement);
  return wrapped.kind === "refused"
    ? { ok: false, basis: wrapped.basis, why: wrapped.why }
    : keysOfReading(wrapped.reading ?? readDocument(bytes), []);
}

/** For a statement that was read before, by the format whose signature holds. */
export function keysOfStatement({ predicate, subjects }: Statement): KeysReading {
  const named = subjects.flatMap(({ digest }) =>
    digests([{ digests: Object.entries(digest).flatMap(([name, value]) => digestOf(name, value) ?? []) }]),
  );
  // cosign wrote a document as text, and before that as text in a member of its own.
  const written = typeof predicate === "string" ? predicate : dataOf(predicate);
  const reading = written === undefined ? readJsonDocument(predicate) : readDocument(new TextEncoder().encode(written));
  return keysOfReading(reading, named);
}

function dataOf(predicate: unknown): string | undefined {
  const data: unknown =
    typeof predicate === "object" && predicate !== null && "Data" in predicate ? predicate.Data : undefined;
  return typeof data === "string" ? data : undefined;
}

type Inside =
  | { readonly kind: "statement"; readonly statement: Statement }
  | { readonly kind: "plain"; readonly reading?: DocumentReading }
  | { readonly kind: "refused"; readonly basis: "unreadable" | "unsupported"; readonly why: string };

function inside(bytes: Uint8Array): Inside {
  const json = parseStrictJson(bytes, sbomLimits);
  // Tag-value is no JSON; what else it may be, the reader says.
  if (!json.ok || typeof json.value !== "object" || json.value === null) return { kind: "plain" };
  return guarded(
    () => unwrapped(objectOf(json.value, "the document")),
    ({ message }): Inside => ({ kind: "refused", basis: "unreadable", why: message }),
  );
}

function unwrapped(document: Json): Inside {
  if (Object.hasOwn(document, "dsseEnvelope")) return unwrapped(objectOf(document["dsseEnvelope"], "dsseEnvelope"));
  if (Object.hasOwn(document, "_type")) return { kind: "statement", statement: statementOf(document) };
  if (!Object.hasOwn(document, "payloadType")) return { kind: "plain", reading: readJsonDocument(document) };
  const { payload } = document;
  const bytes = typeof payload === "string" ? base64Bytes(payload) : undefined;
  if (bytes === undefined) throw unreadable("the envelope's payload is malformed base64");
  const json = parseStrictJson(bytes, sbomLimits);
  if (!json.ok) throw unreadable(`the statement is not read: ${json.why}`);
  return { kind: "statement", statement: statementOf(json.value) };
}

function keysOfReading(reading: DocumentReading, named: readonly SubjectDigest[]): KeysReading {
  switch (reading.kind) {
    case "refused":
      return { ok: false, basis: reading.basis, why: reading.why };
    case "vex":
      return { ok: true, keys: keysOfVex(reading.vex, named) };
    default: {
      const { sbom, vex } = reading;
      const products = vex?.statements.flatMap((statement) => statement.products) ?? [];
      return {
        ok: true,
        keys: {
          kind: sbom.format,
          subjects: once([...named, ...digests([...sbom.subjects, ...sbom.components, ...products])]),
          purls: purls([...sbom.subjects, ...sbom.components, ...products]),
          describes: { subjects: once([...named, ...digests(sbom.subjects)]), purls: purls(sbom.subjects) },
          vulnerabilities: vex === undefined ? [] : vulnerabilities(vex),
        },
      };
    }
  }
}

function keysOfVex(vex: Vex, named: readonly SubjectDigest[]): SbomKeys {
  const products = vex.statements.flatMap((statement) => statement.products);
  const about = { subjects: once([...named, ...digests(products)]), purls: purls(products) };
  return { kind: vex.format, ...about, describes: about, vulnerabilities: vulnerabilities(vex) };
}

type Named = Pick<SbomComponent, "purl"> & { readonly digests: readonly SbomDigest[] };

const unique = <T>(items: readonly T[]): readonly T[] => [...new Set(items)];
const purls = (items: readonly Named[]): readonly Purl[] => unique(items.flatMap(({ purl }) => purl ?? []));
const digests = (items: readonly Pick<Named, "digests">[]): readonly SubjectDigest[] =>
  items.flatMap((item) =>
    item.digests.flatMap(({ algorithm, hex }) =>
      algorithm === "sha256" || algorithm === "sha512" ? [{ algorithm, hex }] : [],
    ),
  );
const once = (items: readonly SubjectDigest[]): readonly SubjectDigest[] => [
  ...new Map(items.map((item) => [item.hex, item])).values(),
];
const vulnerabilities = ({ statements }: Vex): readonly string[] =>
  unique(statements.flatMap(({ vulnerability, aliases }) => [vulnerability, ...aliases]));
