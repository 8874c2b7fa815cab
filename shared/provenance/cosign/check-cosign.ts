import type { Question } from "../format.ts";
import { asRefusal, type Refusal, unknownToTrust } from "../refusal.ts";
import type { Bundle } from "../sigstore/bundle.ts";
import { checkBundle } from "../sigstore/check-bundle.ts";
import type { Trust } from "../trust.ts";

/** A bundle as cosign's older layouts amount to one. With a key there is often nothing that says which. */
export type CosignBundle = Omit<Bundle, "signer"> & { readonly signer: Bundle["signer"] | undefined };

/** A signature that names its certificate or key is checked with that one; else each of the owner's keys for bundles is tried. */
export async function checkCosign(
  { signer, ...bundle }: CosignBundle,
  question: Question<Trust>,
): ReturnType<typeof checkBundle> {
  if (signer !== undefined) return checkBundle({ ...bundle, signer }, question);
  const keys = question.trust.keys.filter((key) => key.uses.has("bundle")).slice(0, maxKeysTried);
  const refusals: Refusal[] = [];
  for (const { id } of keys)
    try {
      return await checkBundle({ ...bundle, signer: { hint: id } }, question);
    } catch (cause) {
      refusals.push(asRefusal(cause));
    }
  // That it is by none of these keys is no forgery: it never said that it was.
  throw (
    refusals.find(({ basis }) => basis !== "forged") ??
    unknownToTrust("it was made with a key that the trust document does not hold", "the publisher's public key")
  );
}

/** Bounds the work for a signature that names nobody. */
export const maxKeysTried = 16;
