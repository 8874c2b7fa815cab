import { isSigner, unexpected, type Criteria } from "../criteria.ts";
import { matches } from "../name-rule.ts";
import { forged } from "../refusal.ts";
import type { Signer } from "../sigstore/signer.ts";
import type { BuilderRule, Trust } from "../trust.ts";
import { gitReference } from "./git-reference.ts";
import type { Provenance } from "./provenance.ts";

/**
 * The SLSA Build level follows from who signed and which builder they vouch for, by the owner's table. The document's own word
 * about its level counts for nothing. Undefined: no builder the owner trusts.
 */
export function levelOf(provenance: Provenance, signer: Signer, trust: Trust): 1 | 2 | 3 | undefined {
  const id = builderIdOf(provenance, signer);
  const levels = trust.builders
    .filter((rule) => allows(rule, id, provenance.builderId, signer))
    .map(({ level }) => level);
  return levels.sort((a, b) => b - a)[0];
}

function allows(rule: BuilderRule, id: string, said: string, signer: Signer): boolean {
  if (!matches(rule.builder, id) && !matches(rule.builder, said)) return false;
  if (!isSigner(rule.signer, signer)) return false;
  if (rule.sameAsSigner && (signer.kind !== "certificate" || signer.identity !== said)) return false;
  return rule.runner === undefined || (signer.kind === "certificate" && signer.workload.runner === rule.runner);
}

/**
 * npm before 2023 wrote "https://github.com/actions/runner" and left it to the certificate to say which kind of runner it was;
 * later documents append it themselves.
 */
function builderIdOf({ builderId }: Provenance, signer: Signer): string {
  const runner = signer.kind === "certificate" ? signer.workload.runner : undefined;
  return builderId === plainRunner && runner !== undefined ? `${plainRunner}/${runner}` : builderId;
}

const plainRunner = "https://github.com/actions/runner";

/** A builder named without "@reference" accepts any of its references that the trust document accepts. */
export function requireBuilder({ builder }: Criteria, provenance: Provenance, signer: Signer): void {
  if (builder === undefined) return;
  const ids = [provenance.builderId, builderIdOf(provenance, signer)];
  const named = builder.includes("@") ? ids : ids.map((id) => id.split("@")[0]);
  if (!named.includes(builder)) throw unexpected(`it was built by ${provenance.builderId}, not by ${builder}`);
}

/** Fulcio saw the workflow's token: where its word and the document's differ, the document is not about this build. */
export function requireSameWorkload({ source, build }: Provenance, signer: Signer): void {
  if (signer.kind !== "certificate") return;
  const { sourceRepository, sourceRef, sourceDigest, runner } = signer.workload;
  const pairs: readonly [string, string | undefined, string | undefined][] = [
    ["source repository", source.repository, sourceRepository && gitReference(sourceRepository).repository],
    ["source reference", source.ref, sourceRef],
    ["source commit", source.commit, sourceDigest],
    ["runner", build.runner, runner],
  ];
  for (const [what, said, seen] of pairs)
    if (said !== undefined && seen !== undefined && said !== seen)
      throw forged(`the ${what} in the document (${said}) is not the one in the signer's certificate (${seen})`);
}
