import { unreachable } from "../lib/unreachable.ts";
import { Refusal } from "./refusal.ts";
import type { Signer } from "./sigstore/signer.ts";
import { matches } from "./name-rule.ts";
import { gitReference } from "./slsa/git-reference.ts";
import type { Provenance } from "./slsa/provenance.ts";
import type { PackageName } from "./subject.ts";
import type { SignerRule } from "./trust.ts";

/** What the asker expects of a file beyond what the trust document says. Absent members expect nothing. */
export interface Criteria {
  /** Any one of these has to be the signer; the asker vouches for it as a publisher. */
  readonly signers?: readonly SignerRule[];
  /** "github.com/owner/name" */
  readonly source?: string;
  readonly branch?: string;
  readonly tag?: string;
  /** "v1", "v1.2" or "v1.2.3": as much of the version as is written has to be equal. */
  readonly versionedTag?: string;
  readonly commit?: string;
  /** A builder id, with or without "@reference"; it has to be one the trust document knows for this signer. */
  readonly builder?: string;
  readonly buildType?: string;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly package?: Partial<PackageName>;
  readonly minimumLevel?: 1 | 2 | 3;
}

/** What only build provenance can answer. */
export function expectsProvenance(criteria: Criteria): boolean {
  const { source, branch, tag, versionedTag, commit, builder, buildType, inputs, minimumLevel } = criteria;
  return [source, branch, tag, versionedTag, commit, builder, buildType, inputs, minimumLevel].some(
    (one) => one !== undefined,
  );
}

export function isSigner(rule: SignerRule, signer: Signer): boolean {
  switch (rule.kind) {
    case "key":
      return signer.kind === "key" && signer.keyId === rule.keyId;
    case "certificate":
      return signer.kind === "certificate" && signer.issuer === rule.issuer && matches(rule.identity, signer.identity);
    case "subject":
      return signer.kind === "subject" && signer.authority === rule.authority && matches(rule.subject, signer.subject);
    case "fingerprint":
      return signer.kind === "subject" && signer.fingerprint === rule.fingerprint;
    default:
      return unreachable(rule);
  }
}

export function requireSigner({ signers }: Criteria, signer: Signer): void {
  if (signers === undefined || signers.some((rule) => isSigner(rule, signer))) return;
  throw unexpected(`it is signed by ${whoIs(signer)}, who was not expected`);
}

function whoIs(signer: Signer): string {
  switch (signer.kind) {
    case "key":
      return `the key ${signer.keyId}`;
    case "certificate":
      return `${signer.identity} (${signer.issuer})`;
    case "subject":
      return `${signer.subject} (${signer.authority})`;
    default:
      return unreachable(signer);
  }
}

export function requireExpected(criteria: Criteria, provenance: Provenance): void {
  const { source, build } = provenance;
  if (criteria.source !== undefined && gitReference(criteria.source).repository !== source.repository)
    throw unexpected(`its source is ${source.repository ?? "not named"}, not ${criteria.source}`);
  if (criteria.commit !== undefined && criteria.commit !== source.commit)
    throw unexpected(`its source commit is ${source.commit ?? "not named"}, not ${criteria.commit}`);
  requireReference(criteria, source.ref, source.baseRef);
  if (criteria.buildType !== undefined && criteria.buildType !== provenance.buildType)
    throw unexpected(`its build type is ${provenance.buildType}, not ${criteria.buildType}`);
  for (const [name, wanted] of Object.entries(criteria.inputs ?? {}))
    if (build.inputs[name] !== wanted) throw unexpected(`its build input ${name} is not "${wanted}"`);
}

function requireReference(criteria: Criteria, ref: string | undefined, base: string | undefined): void {
  if (criteria.branch !== undefined) {
    const branch = ref?.startsWith("refs/tags/") === true ? base : ref;
    if (branch !== `refs/heads/${criteria.branch}`)
      throw unexpected(`it was built from ${branch ?? "no branch that is named"}, not from branch ${criteria.branch}`);
  }
  if (criteria.tag !== undefined && ref !== `refs/tags/${criteria.tag}`)
    throw unexpected(`it was built from ${ref ?? "no reference"}, not from tag ${criteria.tag}`);
  if (criteria.versionedTag !== undefined && !isVersion(criteria.versionedTag, ref))
    throw unexpected(`it was built from ${ref ?? "no reference"}, which is no version ${criteria.versionedTag}`);
}

/** "v1" is any v1.x.y, "v1.2" any v1.2.x; parts that a tag leaves out are zero. */
function isVersion(wanted: string, ref: string | undefined): boolean {
  const [want, got] = [versionOf(wanted), versionOf(ref?.startsWith("refs/tags/") === true ? ref.slice(10) : "")];
  if (want === undefined || got === undefined) return false;
  if (want.parts.length === 3 && want.rest !== got.rest) return false;
  return want.parts.every((part, at) => part === (got.parts[at] ?? "0"));
}

function versionOf(tag: string): { readonly parts: readonly string[]; readonly rest: string } | undefined {
  const found = /^v?((?:0|[1-9]\d{0,9})(?:\.(?:0|[1-9]\d{0,9})){0,2})([-+][0-9A-Za-z.+-]{1,200})?$/.exec(tag);
  return found?.[1] === undefined ? undefined : { parts: found[1].split("."), rest: found[2] ?? "" };
}

export const unexpected = (why: string): Refusal => new Refusal("downgraded", why);
