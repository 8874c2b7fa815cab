import type { FulcioSigner } from "@sigstore/sign";
import { requireSafe, reason } from "./ask.ts";
import type { Signer } from "./signer.ts";
import { signingFailed } from "./signing-failed.ts";

/** A key that lives for one signature, and a certificate that Fulcio writes for it over the bearer's identity token. */
export async function keylessSigner(authority: string, identityToken: string): Promise<Signer> {
  const address = new URL(authority);
  requireSafe("the certificate authority", address);
  const { FulcioSigner } = await import("@sigstore/sign");
  const signer: FulcioSigner = new FulcioSigner({
    fulcioBaseURL: authority.replace(/\/$/, ""),
    identityProvider: { getToken: () => Promise.resolve(identityToken) },
    timeout: 15_000,
    retry: 2,
  });
  return {
    name: `a certificate of ${address.host}`,
    async sign(data) {
      try {
        const { signature, key } = await signer.sign(Buffer.from(data));
        if (key.$case !== "x509Certificate") throw new Error("it answered without a certificate");
        return { bytes: signature, by: { kind: "certificate", pem: key.certificate } };
      } catch (cause) {
        throw refused(address.host, cause);
      }
    },
  };
}

/** The library quotes a token that it cannot read; we do not. */
function refused(host: string, cause: unknown) {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "IDENTITY_TOKEN_PARSE_ERROR")
    return signingFailed("the identity token is no JSON Web Token with a subject", "see --identity-token");
  return signingFailed(
    `the certificate authority ${host} gave no certificate: ${reason(cause)}`,
    "see that the token is fresh and made for the audience sigstore, and that the address is right",
    cause,
  );
}
