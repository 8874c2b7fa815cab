import * as z from "zod";
import { parse } from "yaml";
import { digestOfKeyHash } from "./key-hash.ts";
import { publicKeyFromPem } from "../provenance/keys/public-key.ts";
import { namePattern, type NameRule } from "../provenance/name-rule.ts";
import { asRefusal } from "../provenance/refusal.ts";

/**
 * Sigstore policy-controller's ClusterImagePolicy, read for the signers it names, so that an owner who has one need not write it
 * again. Its regular expressions match anywhere in a name; here they are anchored, as every pattern of ours is.
 */
export interface ImportedPolicy {
  readonly name: string;
  readonly mode: "enforce" | "warn";
  readonly images: readonly string[];
  readonly authorities: readonly ImportedAuthority[];
}

export type ImportedAuthority =
  | { readonly kind: "key"; readonly pem: string; readonly attestations: readonly string[] }
  | { readonly kind: "key-reference"; readonly reference: string; readonly attestations: readonly string[] }
  | {
      readonly kind: "keyless";
      readonly identities: readonly ImportedIdentity[];
      readonly attestations: readonly string[];
    }
  | { readonly kind: "static"; readonly action: "pass" | "fail" };

export interface ImportedIdentity {
  readonly issuer: NameRule;
  readonly subject: NameRule;
}

export type ImportReading =
  | { readonly ok: true; readonly policy: ImportedPolicy }
  | { readonly ok: false; readonly why: string };

export function readClusterImagePolicy(yaml: string): ImportReading {
  if (yaml.length > maxLength) return { ok: false, why: `it is longer than ${maxLength} characters` };
  try {
    const parsed = Document.safeParse(parse(yaml, { maxAliasCount: 0, uniqueKeys: true }));
    if (parsed.success) return { ok: true, policy: policyOf(parsed.data) };
    const [first] = parsed.error.issues;
    return { ok: false, why: `${first?.path.join(".") ?? ""}: ${first?.message ?? "it is malformed"}` };
  } catch (cause) {
    return { ok: false, why: asRefusal(cause).message };
  }
}

const maxLength = 1024 * 1024;
const text = z.string().min(1).max(8192);

const isPattern = (pattern: string): boolean => {
  try {
    namePattern({ pattern });
    return true;
  } catch {
    return false;
  }
};
const isPem = (pem: string): boolean => {
  try {
    publicKeyFromPem(pem);
    return true;
  } catch {
    return false;
  }
};
const pattern = text.refine(isPattern, "it is no regular expression we accept");
const oneOf = (...values: readonly unknown[]): boolean => values.filter((one) => one !== undefined).length === 1;

const Identity = z
  .strictObject({
    issuer: text.optional(),
    issuerRegExp: pattern.optional(),
    subject: text.optional(),
    subjectRegExp: pattern.optional(),
  })
  .refine(({ issuer, issuerRegExp }) => oneOf(issuer, issuerRegExp), "an identity names its issuer, once")
  .refine(({ subject, subjectRegExp }) => oneOf(subject, subjectRegExp), "an identity names its subject, once");
const secret = z.strictObject({ name: text, namespace: text.optional() });
// policy-controller pkg/apis/policy/common: an AWS key is named by its ARN, with or without an endpoint.
const awsKey = /^awskms:\/\/[^/]*\/arn:aws[\w-]*:kms:[\w-]+:\d{12}:(?:key|alias)\/[\w/-]+$/;
const kms = text.refine(
  (uri) => /^[a-z][a-z0-9]*:\/\/\S+$/.test(uri) && (!uri.startsWith("awskms:") || awsKey.test(uri)),
  "it is no key reference",
);
const Key = z
  .strictObject({
    data: text.refine(isPem, "it is no public key").optional(),
    kms: kms.optional(),
    secretRef: secret.optional(),
    hashAlgorithm: z
      .string()
      .refine((name) => digestOfKeyHash(name) !== undefined, "it is no digest")
      .optional(),
  })
  .refine(({ data, kms: reference, secretRef }) => oneOf(data, reference, secretRef), "a key is given once");
const Keyless = z
  .strictObject({
    url: text.optional(),
    identities: z.array(Identity).min(1).max(256),
    "ca-cert": z.strictObject({ secretRef: secret.optional(), data: text.optional(), kms: kms.optional() }).optional(),
    trustRootRef: text.optional(),
    insecureIgnoreSCT: z.boolean().optional(),
  })
  .refine((one) => one.url === undefined || one["ca-cert"] === undefined, "a certificate authority is given once");
const Evaluated = z.looseObject({ type: z.enum(["cue", "rego"]) });
const Authority = z
  .strictObject({
    name: text.optional(),
    key: Key.optional(),
    keyless: Keyless.optional(),
    static: z.strictObject({ action: z.enum(["pass", "fail"]), message: text.optional() }).optional(),
    source: z.array(z.looseObject({})).optional(),
    ctlog: z.looseObject({ url: text.optional(), trustRootRef: text.optional() }).optional(),
    rfc3161timestamp: z.strictObject({ trustRootRef: text }).optional(),
    attestations: z.array(z.looseObject({ name: text, predicateType: text, policy: Evaluated.optional() })).optional(),
    signatureFormat: text.optional(),
  })
  .refine(
    (one) => oneOf(one.key, one.keyless, one.static),
    "an authority is a key, keyless or static, and one of them",
  );
const resources = ["pods", "deployments", "replicasets", "daemonsets", "statefulsets", "jobs", "cronjobs"] as const;
// Kubernetes' globs: "*" within a segment, "**" across.
const glob = text.refine((one) => /^[\w.:/@*-]+$/.test(one), "it is no glob");
const Document = z.object({
  apiVersion: z.enum(["policy.sigstore.dev/v1alpha1", "policy.sigstore.dev/v1beta1"]),
  kind: z.literal("ClusterImagePolicy"),
  metadata: z.looseObject({ name: text }),
  spec: z.strictObject({
    mode: z.enum(["enforce", "warn"]).default("enforce"),
    images: z.array(z.strictObject({ glob })).min(1),
    authorities: z.array(Authority).min(1).optional(),
    match: z.array(z.looseObject({ resource: z.enum(resources).optional() })).optional(),
    policy: Evaluated.optional(),
  }),
});

function policyOf({ metadata, spec }: z.infer<typeof Document>): ImportedPolicy {
  return {
    name: metadata.name,
    mode: spec.mode,
    images: spec.images.map(({ glob: one }) => one),
    // No authority at all means any signature of the public-good instance, which no owner of ours means: nobody is trusted by it.
    authorities: (spec.authorities ?? []).map(authorityOf),
  };
}

function authorityOf({ key, keyless, static: fixed, attestations }: z.infer<typeof Authority>): ImportedAuthority {
  const predicates = (attestations ?? []).map(({ predicateType }) => predicateType);
  if (keyless !== undefined)
    return { kind: "keyless", identities: keyless.identities.map(identityOf), attestations: predicates };
  if (key?.data !== undefined) return { kind: "key", pem: key.data, attestations: predicates };
  if (fixed !== undefined) return { kind: "static", action: fixed.action };
  return { kind: "key-reference", reference: key?.kms ?? key?.secretRef?.name ?? "", attestations: predicates };
}

function identityOf({ issuer, issuerRegExp, subject, subjectRegExp }: z.infer<typeof Identity>): ImportedIdentity {
  return { issuer: ruleOf(issuer, issuerRegExp), subject: ruleOf(subject, subjectRegExp) };
}

const ruleOf = (exact: string | undefined, expression: string | undefined): NameRule =>
  exact === undefined ? namePattern({ pattern: expression ?? "" }) : namePattern({ exact });
