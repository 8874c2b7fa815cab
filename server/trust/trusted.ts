import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import type { Instant } from "@provost/shared/model/ids.ts";
import { defaultTrust, pinnedRoot } from "@provost/shared/provenance/default-trust.ts";
import { readTrust, type Trust, type TrustDocument } from "@provost/shared/provenance/trust.ts";
import { hash } from "node:crypto";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { TrustRecord, TrustStore } from "./trust-store.ts";

type RevocationDocument = NonNullable<TrustDocument["revocations"]>[number];

/** The owner's trust, as it is now: parsed once for each version and shared by every verdict. */
export interface Trusted {
  now(): Trust;
  record(): TrustRecord & { readonly document: string };
  /** Publishes a whole document. Throws DOCUMENT_REFUSED with the reason; then nothing changed. */
  publish(document: unknown, by: string, why: string): TrustRecord;
  /** The present document with one withdrawal more. */
  revoke(revocation: RevocationDocument, by: string): TrustRecord;
  /** What the product pins, or fetched through TUF, changed: only an owner who still trusts the old one gets the new one. */
  followPublicGood(before: PublicGood, after: PublicGood, by: string): TrustRecord | undefined;
  onPublished(listener: (record: TrustRecord) => void): void;
}

/** What TUF distributes for the public-good instance, and until when its root speaks. */
export interface PublicGood {
  readonly sigstore: unknown;
  readonly keys: NonNullable<TrustDocument["keys"]>;
  readonly expires: string;
}

export const pinnedPublicGood: PublicGood = {
  sigstore: defaultTrust.sigstore?.[0],
  keys: defaultTrust.keys ?? [],
  expires: pinnedRoot.expires,
};

/** A trust document of more characters is refused: a device has to be able to hold it. */
export const maxTrustLength = 4_000_000;

export function openTrusted(store: TrustStore, now: () => Instant): Trusted {
  const listeners: ((record: TrustRecord) => void)[] = [];
  let held: { readonly version: string; readonly trust: Trust } | undefined;

  const publish = (document: unknown, by: string, why: string): TrustRecord => {
    const { version: _own, ...rest } = asObject(document);
    const text = canonicalJson(rest);
    if (text.length > maxTrustLength) throw refused(`the document is longer than ${maxTrustLength} characters`);
    // The version is the digest of the text: two documents never share one, and one document never has two.
    const version = `sha256:${hash("sha256", text, "hex")}`;
    const read = readTrust({ ...rest, version });
    if (!read.ok) throw refused(read.why);
    const record = { version, at: now(), by, why };
    store.publish(record, text);
    held = { version, trust: read.trust };
    for (const listener of listeners) listener(record);
    return record;
  };

  const record = (): TrustRecord & { readonly document: string } => {
    const current = store.current();
    if (current !== undefined) return current;
    publish(defaultTrust, "provost", `what this version pins (TUF root ${pinnedRoot.version})`);
    return record();
  };

  const documentNow = (): TrustDocument => JSON.parse(record().document) as TrustDocument;

  return {
    record,
    publish,
    now() {
      const { version, document } = record();
      if (held?.version === version) return held.trust;
      const read = readTrust({ ...asObject(JSON.parse(document)), version });
      if (!read.ok) throw new AppError("STATE_UNUSABLE", `the stored trust document cannot be read: ${read.why}`);
      held = { version, trust: read.trust };
      return read.trust;
    },
    revoke(revocation, by) {
      const document = documentNow();
      const why = `revoked the ${revocation.what} ${revocation.value}: ${revocation.why}`;
      return publish(
        { ...document, revocations: [...(document.revocations ?? []), revocation] },
        by,
        why.slice(0, 1000),
      );
    },
    followPublicGood(before, after, by) {
      const document = documentNow();
      const next = following(document, before, after);
      if (next === undefined || canonicalJson(next) === canonicalJson(document)) return undefined;
      return publish(next, by, `the public-good root, valid until ${after.expires}`);
    },
    onPublished: (listener) => void listeners.push(listener),
  };
}

/** Replaces the public-good root and the npm registry's keys where the owner has them unchanged; undefined where not. */
function following(document: TrustDocument, before: PublicGood, after: PublicGood): TrustDocument | undefined {
  const old = canonicalJson(before.sigstore);
  const at = (document.sigstore ?? []).findIndex((one) => canonicalJson(one) === old);
  if (at < 0) return undefined;
  const ids = new Set(before.keys.map(({ id }) => id));
  const expires = document.expires === before.expires ? { expires: after.expires } : {};
  return {
    ...document,
    ...expires,
    sigstore: (document.sigstore ?? []).map((one, index) => (index === at ? after.sigstore : one)),
    keys: [...(document.keys ?? []).filter(({ id }) => !ids.has(id)), ...after.keys],
  };
}

const refused = (why: string): AppError =>
  new AppError("DOCUMENT_REFUSED", why, { remedy: "nothing changed: correct the document and publish it again" });

function asObject(document: unknown): Record<string, unknown> {
  if (typeof document === "object" && document !== null && !Array.isArray(document))
    return document as Record<string, unknown>;
  throw refused("a trust document is a JSON object");
}
