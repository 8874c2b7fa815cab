import { unreachable } from "../lib/unreachable.ts";
import { instant } from "../model/ids.ts";
import type { ChainLink, Claim } from "../model/verdict.ts";
import { expectsProvenance, isSigner, requireExpected, requireSigner, unexpected, type Criteria } from "./criteria.ts";
import { requirePackage } from "./expected-package.ts";
import type { Evidence, Question } from "./format.ts";
import type { Statement } from "./intoto/statement.ts";
import { predicateKind } from "./predicates.ts";
import { requireNotRevoked } from "./revocation.ts";
import { unsupported } from "./refusal.ts";
import type { SignedContent } from "./sigstore/read-signature.ts";
import type { Signer } from "./sigstore/signer.ts";
import { levelOf, requireBuilder, requireSameWorkload } from "./slsa/level.ts";
import { isProvenance, readProvenance, type Provenance } from "./slsa/provenance.ts";
import { isSummary, readSummary, summaryLevel } from "./slsa/summary.ts";
import { inputFact } from "./words.ts";
import type { Trust } from "./trust.ts";

/** A signature that holds, and the statement it was made over; absent for a signature over the file itself. */
export interface Attested {
  readonly format: string;
  readonly signed: Omit<SignedContent, "checks">;
  readonly statement?: Statement;
  /** Whoever signs with such a key is a publisher by that alone: the registry's own key. */
  readonly publisher?: boolean;
  /** Of the evidence, where it is no JSON. */
  readonly mediaType?: string;
  /** What else the signature states, for a person to compare. */
  readonly facts?: Readonly<Record<string, string>>;
}

/** What the attested document lets us claim about the subject, under the owner's trust and the asker's criteria. */
export function claimOf(attested: Attested, evidence: Evidence, { subject, criteria, trust }: Question<Trust>): Claim {
  const { signed, statement } = attested;
  requireNotRevoked(
    trust,
    subject,
    signed.signer,
    signed.times.map(({ at }) => at),
  );
  requireSigner(criteria, signed.signer);
  requirePackage(attested.format, statement, criteria, subject);
  const provenance =
    statement !== undefined && isProvenance(statement.predicateType) ? readProvenance(statement) : undefined;
  const level = provenance === undefined ? undefined : trustedLevel(provenance, signed.signer, criteria, trust);
  const published = attested.publisher === true || isPublisher(signed.signer, criteria, trust);
  const [first] = signed.times;
  const strength = strengthOf(attested, signed.signer, level, published, trust);
  const summary = strength.strength === "claimed" ? undefined : summaryFacts(statement);
  const links = [
    ...provenanceLinks(provenance, level),
    ...signatureLinks(
      summary === undefined ? attested : { ...attested, facts: { ...attested.facts, ...summary } },
      published || level !== undefined || summary !== undefined,
      evidence,
    ),
  ];
  return {
    format: attested.format,
    subject: { sha256: subject.sha256 },
    links: [
      ...links,
      { link: "file", state: "verified", says: "The signed digest is this file's", facts: { sha256: subject.sha256 } },
    ],
    ...strength,
    ...(first === undefined ? {} : { signedAt: instant(first.at) }),
  };
}

/** Of a summary by a verifier whom the owner trusts: who that is, and what they found. */
function summaryFacts(statement: Statement | undefined): Readonly<Record<string, string>> | undefined {
  if (statement === undefined || !isSummary(statement)) return undefined;
  const { verifier, levels } = readSummary(statement);
  return { verifier, "verified levels": levels.join(", ").slice(0, 2000) };
}

function trustedLevel(provenance: Provenance, signer: Signer, criteria: Criteria, trust: Trust): 1 | 2 | 3 | undefined {
  requireSameWorkload(provenance, signer);
  requireBuilder(criteria, provenance, signer);
  requireExpected(criteria, provenance);
  const level = levelOf(provenance, signer, trust);
  if (expectsProvenance(criteria) && level === undefined)
    throw unexpected(`its builder ${provenance.builderId} is not one the trust document knows for this signer`);
  if (criteria.minimumLevel !== undefined && (level ?? 0) < criteria.minimumLevel)
    throw unexpected(`its builder reaches SLSA Build level ${level ?? 0}, not ${criteria.minimumLevel}`);
  return level;
}

function isPublisher(signer: Signer, criteria: Criteria, trust: Trust): boolean {
  return (
    signer.kind === "key" || [...(criteria.signers ?? []), ...trust.publishers].some((rule) => isSigner(rule, signer))
  );
}

function strengthOf(
  { statement }: Attested,
  signer: Signer,
  level: 1 | 2 | 3 | undefined,
  published: boolean,
  trust: Trust,
): Pick<Claim, "strength" | "slsaLevel"> {
  if (level !== undefined) return { strength: "source", slsaLevel: level };
  if (statement === undefined) return { strength: published ? "publisher" : "claimed" };
  if (isSummary(statement)) return summaryLevel(statement, signer, trust);
  const kind = predicateKind(statement.predicateType);
  if (kind === "unknown")
    throw unsupported(
      `the predicate ${statement.predicateType.slice(0, 200)} is not one we read, so its signature says nothing of the file`,
    );
  // Test results, scans and the like say what someone saw in the file, not that they stand behind it.
  return { strength: published && kind === "publication" ? "publisher" : "claimed" };
}

function provenanceLinks(provenance: Provenance | undefined, level: number | undefined): readonly ChainLink[] {
  if (provenance === undefined)
    return [{ link: "source", state: "missing", says: "No build provenance names the source" }];
  const { source, build, builderId, buildType, dependencies } = provenance;
  const state = level === undefined ? "missing" : "verified";
  const repository = source.repository ?? "a source that is not named";
  return [
    {
      link: "source",
      state: source.repository === undefined ? "missing" : state,
      says: `Built from ${repository}${source.commit === undefined ? "" : ` at commit ${source.commit}`}`,
      facts: facts({
        repository: source.repository,
        reference: source.ref,
        "base reference": source.baseRef,
        commit: source.commit,
        author: source.author,
      }),
    },
    {
      link: "build",
      state,
      says:
        level === undefined
          ? `Built by ${builderId}, which the trust document does not know for this signer`
          : `Built by ${builderId}, SLSA Build level ${level}`,
      facts: facts({
        builder: builderId,
        "build type": buildType,
        workflow: build.workflow,
        runner: build.runner,
        trigger: build.trigger,
        invocation: build.invocation,
        started: build.startedOn,
        finished: build.finishedOn,
        dependencies: String(dependencies.length),
        ...inputFacts(build.inputs),
      }),
    },
  ];
}

/** A build with more, or longer ones, is still judged by the document; a link shows what a person reads. */
const shownInputs = 32;

const inputFacts = (inputs: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(inputs)
      .filter(([name, value]) => name.length <= 80 && value.length <= 1000)
      .slice(0, shownInputs)
      .map(([name, value]) => [inputFact + name, value]),
  );

function signatureLinks(attested: Attested, trusted: boolean, evidence: Evidence): readonly ChainLink[] {
  const { signed, format } = attested;
  const { signer, times, loggedIn } = signed;
  const who = whoIs(signer);
  const mediaType = attested.mediaType ?? "application/json";
  const proof = [{ sha256: evidence.sha256, mediaType, title: evidence.name ?? format }];
  const signature: ChainLink = {
    link: "signature",
    state: trusted ? "verified" : "missing",
    says: trusted ? `Signed by ${who}` : `Signed by ${who}, who is not among the publishers the owner trusts`,
    facts: { ...factsOf(signer), ...attested.facts },
    evidence: proof,
  };
  const [first] = times;
  if (first === undefined && loggedIn.length === 0) return [signature];
  const log: ChainLink = {
    link: "log",
    state: "verified",
    says:
      first === undefined
        ? "Recorded in a transparency log"
        : `Signed before ${new Date(first.at).toISOString()}, says ${first.by}`,
    facts: {
      ...Object.fromEntries(loggedIn.map(({ log: name, index }) => [`index in ${name}`, String(index)])),
      ...(times.length === 0 ? {} : { "proofs of time": String(times.length) }),
    },
    evidence: proof,
  };
  return [signature, log];
}

function whoIs(signer: Signer): string {
  switch (signer.kind) {
    case "key":
      return `the key ${signer.name}`;
    case "certificate":
      return signer.identity;
    case "subject":
      return `${signer.subject}, whom ${signer.authority} vouches for`;
    default:
      return unreachable(signer);
  }
}

function factsOf(signer: Signer): Readonly<Record<string, string>> {
  switch (signer.kind) {
    case "key":
      return { key: signer.keyId, fingerprint: signer.fingerprint };
    case "certificate": {
      const { identity, issuer, fingerprint: certificate, authority } = signer;
      return facts({ identity, issuer, certificate, authority });
    }
    case "subject":
      return { subject: signer.subject, certificate: signer.fingerprint, authority: signer.authority };
    default:
      return unreachable(signer);
  }
}

/** Facts that the document states; those it leaves out are left out. */
export function facts(values: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
