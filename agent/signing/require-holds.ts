import { hash } from "node:crypto";
import { instant, sha256, type Sha256 } from "@provost/shared/model/ids.ts";
import { readStatement } from "@provost/shared/provenance/intoto/statement.ts";
import { asRefusal } from "@provost/shared/provenance/refusal.ts";
import { readBundle } from "@provost/shared/provenance/sigstore/bundle.ts";
import { checkBundle } from "@provost/shared/provenance/sigstore/check-bundle.ts";
import type { Signer } from "@provost/shared/provenance/sigstore/signer.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import type { Trust } from "@provost/shared/provenance/trust.ts";
import type { Signable } from "./make-bundle.ts";
import { signingFailed } from "./signing-failed.ts";

/** What was just signed is verified as anybody would, before it is called a success. Throws SIGNING_FAILED. */
export async function requireHolds(
  bundle: Uint8Array,
  signable: Signable,
  trust: Trust,
  now: number,
): Promise<{ readonly signer: Signer; readonly times: readonly { readonly at: number; readonly by: string }[] }> {
  try {
    const question = { subject: subjectOf(signable), criteria: {}, trust, now: instant(now) };
    const { signed } = await checkBundle(readBundle(bundle), question);
    return { signer: signed.signer, times: signed.times };
  } catch (cause) {
    const { basis, message } = asRefusal(cause);
    throw signingFailed(
      `what was signed does not hold: ${message} (${basis})`,
      "give the trusted root of the instance that signed, with --trusted-root; nothing was written",
      cause,
    );
  }
}

function subjectOf(signable: Signable): Subject {
  if (signable.kind === "file")
    return { sha256: hash("sha256", signable.bytes, "hex") as Sha256, bytes: signable.bytes };
  const [{ digest }] = readStatement(signable.payload).subjects;
  const sha512 = digest["sha512"];
  return { sha256: sha256(digest["sha256"] ?? "") ?? none, ...(sha512 === undefined ? {} : { sha512 }) };
}

/** For a statement that names its subject by SHA-512 alone. */
const none = "0".repeat(64) as Sha256;
