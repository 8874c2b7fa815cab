import * as z from "zod";
import { parseStrictJson } from "../../../lib/strict-json.ts";
import type { Claim } from "../../../model/verdict.ts";
import { claimOf } from "../../claims.ts";
import { headText } from "../../document-head.ts";
import { unexpected } from "../../criteria.ts";
import type { Evidence, ProvenanceFormat, Question, Reading } from "../../format.ts";
import { statementIn, type Statement } from "../../intoto/statement.ts";
import { settleTogether } from "../../keys/signature-check.ts";
import { Refusal, forged, unreadable, unsupported } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import { saidByBundle } from "../../said.ts";
import { bundleOf } from "../../sigstore/bundle.ts";
import { readSignature } from "../../sigstore/read-signature.ts";
import { subjectIn } from "../../subject-match.ts";
import type { Trust } from "../../trust.ts";
import { npmPackageIn } from "./npm-purl.ts";

/**
 * What the npm registry answers under /-/npm/v1/attestations/: its own publish attestation, and the build's provenance. Each is
 * bound to the package's name, version and sha512. One answer of the registry stands or falls as a whole.
 */
export const npmAttestations: ProvenanceFormat<Trust> = {
  id: "npm-attestations",
  recognises: ({ bytes }) => /^\s*\{\s*"attestations"\s*:/.test(headText(bytes, 200)),
  read: (evidence, question) => reading(question, () => claimsIn(evidence, question)),
  about: (evidence) => attestationsIn(evidence).map(({ bundle }) => saidByBundle(bundleOf(bundle))),
};

async function claimsIn(evidence: Evidence, question: Question<Trust>): Promise<readonly [Claim, ...Claim[]]> {
  const claims: Claim[] = [];
  for (const attestation of attestationsIn(evidence)) claims.push(await claimIn(attestation, evidence, question));
  const [first, ...rest] = claims;
  if (first === undefined) throw unreadable("the registry's answer holds no attestation");
  return [first, ...rest];
}

/** The same document read attestation by attestation, for whoever has to tell which of them fails. */
export async function readEach(
  evidence: Evidence,
  question: Question<Trust>,
): Promise<readonly { readonly kind: "publish" | "provenance"; readonly reading: Reading }[]> {
  const read: { kind: "publish" | "provenance"; reading: Reading }[] = [];
  for (const one of attestationsIn(evidence)) {
    const kind = one.predicateType.startsWith(publishType) ? "publish" : "provenance";
    read.push({ kind, reading: await reading(question, async () => [await claimIn(one, evidence, question)]) });
  }
  return read;
}

interface Attestation {
  readonly predicateType: string;
  readonly bundle?: unknown;
}

function attestationsIn({ bytes }: Evidence): readonly Attestation[] {
  const json = parseStrictJson(bytes);
  if (!json.ok) throw unreadable(`the registry's answer is not read: ${json.why}`);
  const parsed = Answer.safeParse(json.value);
  if (!parsed.success) throw unreadable("the registry's answer is malformed");
  return parsed.data.attestations;
}

const Answer = z.strictObject({
  attestations: z
    .array(z.strictObject({ predicateType: z.string().max(1000), bundle: z.unknown().optional() }))
    .max(16),
});

const publishType = "https://github.com/npm/attestation/tree/main/specs/publish/";

async function claimIn(attestation: Attestation, evidence: Evidence, question: Question<Trust>): Promise<Claim> {
  const { subject, trust, now } = question;
  const bundle = bundleOf(attestation.bundle);
  if (bundle.content.kind !== "envelope") throw unsupported("an npm attestation signs a statement");
  const statement = statementIn(bundle.content.envelope);
  if (statement.predicateType !== attestation.predicateType)
    throw forged("the registry names another predicate than the one that is signed");
  requirePackage(statement, question);
  const publish = statement.predicateType.startsWith(publishType);
  const { checks, ...signed } = readSignature(bundle, subject, trust, now, "npm:attestations");
  // The publish attestation is the registry's: by one of its keys, and never by a certificate that anyone may have.
  if (publish !== (signed.signer.kind === "key"))
    throw forged(
      publish
        ? "the publish attestation is not signed by the registry"
        : "the provenance is signed by a key of the registry",
    );
  await settleTogether(checks);
  const asked = publish ? { ...question, criteria: {} } : question;
  return claimOf({ format: "npm-attestations", signed, statement, publisher: publish }, evidence, asked);
}

function requirePackage(statement: Statement, { subject, criteria }: Question<Trust>): void {
  const [first, second] = statement.subjects;
  const named = second === undefined ? npmPackageIn(first.name) : undefined;
  if (named === undefined) throw unreadable("the statement does not name one npm package");
  if (subject.sha512 === undefined)
    throw new Refusal("unreachable", "npm binds packages by sha512, which was not computed", "the file's sha512");
  const isNamed =
    subject.package?.ecosystem === "npm" &&
    subject.package.name === named.name &&
    subject.package.version === named.version;
  if (first.digest["sha512"] !== subject.sha512) {
    if (isNamed)
      throw new Refusal("contradicted", `the registry attests other bytes for ${named.name}@${named.version}`);
    throw new Refusal("foreign", `it is about ${named.name}@${named.version} with other bytes`);
  }
  subjectIn(statement, subject);
  if (subject.package !== undefined && !isNamed)
    throw new Refusal(
      "contradicted",
      `these bytes are attested as ${named.name}@${named.version}, not as this package`,
    );
  requirePublished(statement, named);
  if (criteria.package?.name !== undefined && criteria.package.name !== named.name)
    throw unexpected(`it is the package ${named.name}, not ${criteria.package.name}`);
  if (criteria.package?.version !== undefined && criteria.package.version !== named.version)
    throw unexpected(`it is version ${named.version}, not ${criteria.package.version}`);
}

/** The publish predicate says name and version once more. */
function requirePublished(statement: Statement, named: { readonly name: string; readonly version: string }): void {
  if (!statement.predicateType.startsWith(publishType)) return;
  const parsed = Publish.safeParse(statement.predicate);
  if (!parsed.success) throw unreadable("the publish attestation is malformed");
  if (parsed.data.name !== named.name || parsed.data.version !== named.version)
    throw unreadable("the publish attestation names two packages");
}

const Publish = z.object({
  name: z.string().max(1000),
  version: z.string().max(1000),
  registry: z.string().max(1000).nullish(),
});
