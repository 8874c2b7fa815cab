import * as z from "zod";
import { pypiPurl } from "../../../ecosystems/purl.ts";
import { base64Bytes } from "../../../lib/strict-base64.ts";
import { parseStrictJson } from "../../../lib/strict-json.ts";
import type { Claim } from "../../../model/verdict.ts";
import { claimOf } from "../../claims.ts";
import { headText } from "../../document-head.ts";
import { unexpected } from "../../criteria.ts";
import type { Evidence, ProvenanceFormat, Question } from "../../format.ts";
import { statementIn, type Statement } from "../../intoto/statement.ts";
import { settleTogether } from "../../keys/signature-check.ts";
import { forged, Refusal, unreadable, unsupported } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import { saidByBundle, type Said } from "../../said.ts";
import { entryOf, LogEntryDocument, type Bundle } from "../../sigstore/bundle.ts";
import { readSignature } from "../../sigstore/read-signature.ts";
import type { Signer } from "../../sigstore/signer.ts";
import { subjectIn } from "../../subject-match.ts";
import type { Trust } from "../../trust.ts";
import { distributionIn, isSameDistribution } from "./distribution-name.ts";

/** PEP 740: one attestation, or the provenance object in which an index groups them by publisher. */
export const pep740: ProvenanceFormat<Trust> = {
  id: "pep740",
  recognises: ({ bytes }) => /"(?:verification_material|attestation_bundles)"\s*:/.test(headText(bytes, 65536)),
  read: (evidence, question) => reading(question, () => claimsIn(evidence, question)),
  about: (evidence) => attestationsIn(evidence).map(({ attestation }) => saidBy(attestation)),
};

/** Filed under the version as well, which its statement names by the file's name. */
function saidBy(attestation: Attestation): Said {
  const said = saidByBundle(bundleIn(attestation));
  const file = distributionIn(said.statement?.subjects[0].name ?? "");
  const purl = file === undefined ? undefined : pypiPurl(file.name, file.version);
  return purl === undefined ? said : { ...said, purls: [purl] };
}

async function claimsIn(evidence: Evidence, question: Question<Trust>): Promise<readonly [Claim, ...Claim[]]> {
  const claims: Claim[] = [];
  for (const { attestation, publisher } of attestationsIn(evidence))
    claims.push(await claimIn(attestation, publisher, evidence, question));
  const [first, ...rest] = claims;
  if (first === undefined) throw unreadable("the provenance object holds no attestation");
  return [first, ...rest];
}

type Attestation = z.infer<typeof AttestationDocument>;
type Publisher = z.infer<typeof PublisherDocument>;

function attestationsIn({
  bytes,
}: Evidence): readonly { attestation: Attestation; publisher: Publisher | undefined }[] {
  const json = parseStrictJson(bytes);
  if (!json.ok) throw unreadable(`the attestation is not read: ${json.why}`);
  const one = AttestationDocument.safeParse(json.value);
  if (one.success) return [{ attestation: one.data, publisher: undefined }];
  const many = ProvenanceDocument.safeParse(json.value);
  if (!many.success) throw unreadable(`the attestation is malformed: ${one.error.issues[0]?.path.join(".") ?? ""}`);
  return many.data.attestation_bundles.flatMap(({ publisher, attestations }) =>
    attestations.map((attestation) => ({ attestation, publisher })),
  );
}

const base64 = z.string().max(1024 * 1024);
const AttestationDocument = z.strictObject({
  version: z.literal(1),
  verification_material: z.strictObject({
    certificate: base64,
    transparency_entries: z.array(LogEntryDocument).min(1).max(16),
  }),
  envelope: z.strictObject({ statement: base64, signature: base64 }),
});
const PublisherDocument = z.strictObject({
  kind: z.string().max(100),
  repository: z.string().max(1000).nullish(),
  workflow: z.string().max(1000).nullish(),
  workflow_filepath: z.string().max(1000).nullish(),
  email: z.string().max(1000).nullish(),
  // Named by the index alone; no certificate says it, and nothing rests on it.
  environment: z.string().max(1000).nullish(),
  claims: z.record(z.string(), z.unknown()).nullish(),
});
const ProvenanceDocument = z.strictObject({
  version: z.literal(1),
  attestation_bundles: z
    .array(z.strictObject({ publisher: PublisherDocument, attestations: z.array(AttestationDocument).max(16) }))
    .min(1)
    .max(16),
});

async function claimIn(
  attestation: Attestation,
  publisher: Publisher | undefined,
  evidence: Evidence,
  question: Question<Trust>,
): Promise<Claim> {
  const bundle = bundleIn(attestation);
  if (bundle.content.kind !== "envelope") throw unreadable("a PEP 740 attestation signs a statement");
  const statement = statementIn(bundle.content.envelope);
  requireDistribution(statement, question);
  const { checks, ...signed } = readSignature(bundle, question.subject, question.trust, question.now);
  await settleTogether(checks);
  if (publisher !== undefined) requirePublisher(publisher, signed.signer);
  return claimOf({ format: "pep740", signed, statement }, evidence, question);
}

function bundleIn({ envelope, verification_material: material }: Attestation): Bundle {
  const [payload, signature, certificate] = [envelope.statement, envelope.signature, material.certificate].map(decoded);
  if (payload === undefined || signature === undefined || certificate === undefined)
    throw unreadable("the attestation is malformed");
  return {
    version: "0.3",
    signer: { certificates: [certificate] },
    entries: material.transparency_entries.map(entryOf),
    timestamps: [],
    content: {
      kind: "envelope",
      // PEP 740: the envelope's payload type is always this one.
      envelope: { payload, payloadType: "application/vnd.in-toto+json", signatures: [{ keyId: "", signature }] },
    },
  };
}

function decoded(text: string): Buffer {
  const bytes = base64Bytes(text);
  if (bytes === undefined || bytes.length === 0) throw unreadable("the attestation holds malformed base64");
  return bytes;
}

const predicates = new Set(["https://docs.pypi.org/attestations/publish/v1", "https://slsa.dev/provenance/v1"]);

/** PEP 740: one subject, with the distribution's file name and its sha256. */
function requireDistribution(statement: Statement, { subject, criteria }: Question<Trust>): void {
  const [only, another] = statement.subjects;
  if (another !== undefined) throw unreadable("a PEP 740 statement names one distribution");
  if (!predicates.has(statement.predicateType))
    throw unsupported(`the predicate ${statement.predicateType.slice(0, 200)} is none of PEP 740's`);
  const isNamed = subject.name !== undefined && isSameDistribution(only.name, subject.name);
  if (only.digest["sha256"] !== subject.sha256)
    throw isNamed
      ? new Refusal("contradicted", `other bytes are attested for ${only.name}`)
      : new Refusal("foreign", `it is about ${only.name} with other bytes`);
  subjectIn(statement, subject);
  if (subject.name !== undefined && !isNamed)
    throw new Refusal("contradicted", `these bytes are attested as ${only.name}, not as ${subject.name}`);
  requireExpectedPackage(only.name, criteria);
}

/** The file's name begins with project and version, then "-" or what an sdist ends in. */
function requireExpectedPackage(file: string, { package: wanted }: Question<Trust>["criteria"]): void {
  if (wanted?.name === undefined) return;
  const project = `${wanted.name.replace(/[-_.]+/g, "_").toLowerCase()}-`;
  if (!file.toLowerCase().startsWith(project))
    throw unexpected(`it is the distribution ${file}, not one of ${wanted.name}`);
  const rest = file.slice(project.length);
  const { version } = wanted;
  if (version !== undefined && !["-", ".tar.gz", ".zip"].some((end) => rest.startsWith(version + end)))
    throw unexpected(`it is the distribution ${file}, not one of version ${version}`);
}

/** The index says who published; the certificate has to say the same. */
function requirePublisher(
  { kind, repository, workflow, workflow_filepath: path, email }: Publisher,
  signer: Signer,
): void {
  const expected = expectedIdentity(kind, { repository, workflow, path, email });
  if (expected === undefined) throw unsupported(`publishers of kind ${kind} are not read`);
  const [issuer, identity] = expected;
  const same =
    signer.kind === "certificate" && signer.issuer === issuer && signer.identity.split("@refs/")[0] === identity;
  if (!same) throw forged("the index names another publisher than the signer's certificate");
}

type Named = Readonly<Record<"repository" | "workflow" | "path" | "email", string | null | undefined>>;

function expectedIdentity(
  kind: string,
  { repository, workflow, path, email }: Named,
): readonly [string, string] | undefined {
  if (kind === "GitHub" && repository && workflow)
    return [
      "https://token.actions.githubusercontent.com",
      `https://github.com/${repository}/.github/workflows/${workflow}`,
    ];
  if (kind === "GitLab" && repository && path)
    return ["https://gitlab.com", `https://gitlab.com/${repository}//${path}`];
  if (kind === "Google" && email) return ["https://accounts.google.com", email];
  return undefined;
}
