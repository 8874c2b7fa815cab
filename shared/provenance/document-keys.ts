import { canonicalPurl } from "../ecosystems/purl.ts";
import { hexBytes } from "../lib/strict-base64.ts";
import type { Evidence } from "./format.ts";
import { formats } from "./formats/index.ts";
import type { Statement } from "./intoto/statement.ts";
import { keysOfStatement } from "../sbom/keys.ts";
import { plainDocuments } from "./plain-documents.ts";
import { asRefusal, guarded, Refusal, unreadable } from "./refusal.ts";
import { subjectDigest, type Said, type SubjectDigest } from "./said.ts";
import { certificateSigner } from "./sigstore/signer.ts";
import { gitReference } from "./slsa/git-reference.ts";
import { isProvenance, readProvenance } from "./slsa/provenance.ts";
import { parseCertificate } from "./x509/certificate.ts";

/** What a document says it is about, by which it is found again. Nothing here is verified, and nothing may be judged by it. */
export interface DocumentKeys {
  /** The format's folder name, or the name of a plain document's kind. */
  readonly kind: string;
  readonly subjects: readonly SubjectDigest[];
  readonly purls: readonly string[];
  /** "github.com/owner/name" */
  readonly repositories: readonly string[];
  /** Of these, what build provenance says the subjects were built from. */
  readonly sources: readonly string[];
  readonly commits: readonly string[];
  readonly builders: readonly string[];
  /** A certificate's identity, the same after its issuer ("ISSUER IDENTITY"), or a key's id. */
  readonly signers: readonly string[];
  readonly predicates: readonly string[];
}

export type KeysReading =
  | { readonly kind: "keys"; readonly keys: DocumentKeys }
  | { readonly kind: "refused"; readonly why: string };

/**
 * `named` is the subject that whoever hands the document in says it is about: needed where a signature names none itself
 * (OpenPGP, minisign), and otherwise one of those that it names.
 */
export function documentKeys(document: Evidence, named?: SubjectDigest): KeysReading {
  try {
    const { kind, said } = read(document);
    return { kind: "keys", keys: withNamed(bounded(gathered(kind, said)), named) };
  } catch (cause) {
    return { kind: "refused", why: asRefusal(cause).message };
  }
}

export const maxDigests = 20_000;
export const maxNames = 20_000;
const maxNameLength = 4096;

function read(document: Evidence): { readonly kind: string; readonly said: readonly Said[] } {
  const format = formats.find((one) => one.recognises(document));
  if (format !== undefined) return { kind: format.id, said: format.about?.(document) ?? [] };
  for (const plain of plainDocuments) {
    const found = plain(document);
    if (found !== undefined) return found;
  }
  throw unreadable("no format recognises the document");
}

interface Gathered {
  readonly kind: string;
  readonly subjects: Map<string, SubjectDigest>;
  readonly purls: Set<string>;
  readonly repositories: Set<string>;
  readonly sources: Set<string>;
  readonly commits: Set<string>;
  readonly builders: Set<string>;
  readonly signers: Set<string>;
  readonly predicates: Set<string>;
}

function gathered(kind: string, said: readonly Said[]): Gathered {
  const keys: Gathered = {
    kind,
    subjects: new Map(),
    purls: new Set(),
    repositories: new Set(),
    sources: new Set(),
    commits: new Set(),
    builders: new Set(),
    signers: new Set(),
    predicates: new Set(),
  };
  for (const { statement, digests, purls, certificate, keyIds } of said) {
    for (const digest of digests ?? []) keys.subjects.set(digest.hex, digest);
    for (const purl of purls ?? []) addPurl(keys, purl);
    for (const id of keyIds ?? []) keys.signers.add(id);
    if (statement !== undefined) addStatement(keys, statement);
    if (certificate !== undefined) addCertificate(keys, certificate);
  }
  return keys;
}

function addPurl({ purls }: Gathered, text: string): void {
  const purl = text.startsWith("pkg:") ? canonicalPurl(text) : undefined;
  if (purl !== undefined) purls.add(purl);
}

function addStatement(keys: Gathered, statement: Statement): void {
  keys.predicates.add(statement.predicateType);
  for (const { name, digest } of statement.subjects) {
    addPurl(keys, name);
    for (const [algorithm, value] of Object.entries(digest)) {
      const subject = subjectDigest(algorithm, value);
      if (subject !== undefined) keys.subjects.set(subject.hex, subject);
      if (algorithm === "gitCommit" || algorithm === "sha1") addCommit(keys, value);
    }
  }
  if (isBill(statement.predicateType)) addBill(keys, statement);
  if (!isProvenance(statement.predicateType)) return;
  // A predicate that is malformed is still filed under what the statement around it says.
  const provenance = guarded(
    () => readProvenance(statement),
    () => undefined,
  );
  if (provenance === undefined) return;
  keys.builders.add(provenance.builderId);
  if (provenance.source.repository !== undefined) {
    keys.repositories.add(provenance.source.repository);
    keys.sources.add(provenance.source.repository);
  }
  if (provenance.source.commit !== undefined) addCommit(keys, provenance.source.commit);
}

const isBill = (predicateType: string): boolean =>
  /^https:\/\/(?:cyclonedx\.org\/bom|spdx\.dev\/Document|openvex\.dev\/ns)(?:\/|$)/.test(predicateType);

/**
 * Signed, and filed under the packages that the bill names as well. Not under their digests: the certificate's repository is the
 * source of the bill, and would be taken for the source of every file in it. A malformed or huge one stays filed under its subjects.
 */
function addBill({ purls }: Gathered, statement: Statement): void {
  const bill = keysOfStatement(statement);
  if (!bill.ok || purls.size + bill.keys.purls.length > maxNames) return;
  for (const purl of bill.keys.purls) purls.add(purl);
}

/** SHA-1 or SHA-256 object names. */
function addCommit({ commits }: Gathered, text: string): void {
  const length = hexBytes(text)?.length;
  if (length === 20 || length === 32) commits.add(text);
}

/** A certificate of a form we do not read names nobody; the document is filed all the same. */
function addCertificate(keys: Gathered, der: Buffer): void {
  const signer = guarded(
    () => certificateSigner(parseCertificate(der), ""),
    () => undefined,
  );
  if (signer === undefined) return;
  const { issuer, identity, workload } = signer;
  keys.signers.add(identity);
  if (issuer !== "") keys.signers.add(`${issuer} ${identity}`);
  if (workload.sourceRepository !== undefined)
    keys.repositories.add(gitReference(workload.sourceRepository).repository);
  if (workload.sourceDigest !== undefined) addCommit(keys, workload.sourceDigest);
}

function bounded({ kind, subjects, ...names }: Gathered): DocumentKeys {
  if (subjects.size > maxDigests) throw unreadable(`the document names more than ${maxDigests} digests`);
  const list = (set: ReadonlySet<string>): readonly string[] => {
    if (set.size > maxNames) throw unreadable(`the document has more than ${maxNames} names of one kind`);
    return [...set].filter((name) => name !== "" && name.length <= maxNameLength);
  };
  return {
    kind,
    subjects: [...subjects.values()],
    purls: list(names.purls),
    repositories: list(names.repositories),
    sources: list(names.sources),
    commits: list(names.commits),
    builders: list(names.builders),
    signers: list(names.signers),
    predicates: list(names.predicates),
  };
}

function withNamed(keys: DocumentKeys, named: SubjectDigest | undefined): DocumentKeys {
  const { subjects, purls, commits } = keys;
  if (named !== undefined) {
    if (subjects.length === 0) return { ...keys, subjects: [named] };
    // A digest of another algorithm than the document's own cannot be compared: both are kept.
    const comparable = subjects.filter(({ algorithm }) => algorithm === named.algorithm);
    if (comparable.length === 0) return { ...keys, subjects: [...subjects, named] };
    if (comparable.some(({ hex }) => hex === named.hex)) return keys;
    throw new Refusal("foreign", "the document is about other files than the subject that was named for it");
  }
  if (subjects.length + purls.length + commits.length > 0) return keys;
  throw unreadable("the document names nothing that it is about, and no subject was named for it");
}
