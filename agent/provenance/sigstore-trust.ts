import { AppError } from "@provost/shared/lib/app-error.ts";
import { defaultTrust } from "@provost/shared/provenance/default-trust.ts";
import { publicKeyFromPem } from "@provost/shared/provenance/keys/public-key.ts";
import { asRefusal } from "@provost/shared/provenance/refusal.ts";
import { readTrust, type PlainKey, type Trust, type TrustDocument } from "@provost/shared/provenance/trust.ts";
import { readJson } from "./read-json.ts";

/** The trust an owner starts from, or the same with another Sigstore instance in the place of the public one. */
export function sigstoreTrust(trustedRoot: string | undefined): Trust {
  const document: TrustDocument =
    trustedRoot === undefined ? defaultTrust : { sigstore: [readJson("the trusted root", trustedRoot)] };
  const read = readTrust(document);
  if (read.ok) return read.trust;
  throw new AppError("CONFIG_INVALID", `the trusted root ${trustedRoot ?? ""} is not read: ${read.why}`, {
    remedy: "give a trusted_root.json as the sigstore protobuf-specs describe it",
  });
}

/** A key that whoever asks holds in his hand. Throws CONFIG_INVALID. */
export function plainKey(pem: Buffer, where: string, more: Pick<PlainKey, "id" | "withoutLog">): PlainKey {
  try {
    return {
      name: where,
      key: publicKeyFromPem(pem.toString("latin1")),
      uses: new Set(["bundle", "envelope", "file"]),
      from: Number.NEGATIVE_INFINITY,
      until: Number.POSITIVE_INFINITY,
      ...more,
    };
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", `the key ${where} is not read: ${asRefusal(cause).message}`, {
      cause,
      remedy: "give a public key in PEM, which begins with -----BEGIN PUBLIC KEY-----",
    });
  }
}
