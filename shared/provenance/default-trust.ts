import npmRegistryKeys from "./roots/npm-keys.json" with { type: "json" };
import publicGood from "./roots/public-good.json" with { type: "json" };
import { npmKeys } from "./npm-keys.ts";
import { hostedRunners, knownBuilders } from "./slsa/known-builders.ts";
import type { TrustDocument } from "./trust.ts";

/** The version of the TUF root that both pinned documents were taken under, and until when that root speaks for them. */
export const pinnedRoot = { version: 16, expires: "2027-04-22T19:27:31Z" } as const;

/**
 * Where an owner starts: the public-good Sigstore instance, the npm registry's keys, and the builders whose isolation is published.
 * It names no publisher: whose signature counts is the owner's to say. Both documents are TUF targets of sigstore/root-signing.
 */
export const defaultTrust: TrustDocument = {
  version: `pinned-tuf-root-${pinnedRoot.version}`,
  expires: pinnedRoot.expires,
  sigstore: [publicGood],
  keys: npmKeys(npmRegistryKeys),
  builders: [...knownBuilders, ...hostedRunners],
};
