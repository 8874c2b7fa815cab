import { signingFailed } from "./signing-failed.ts";

/** The token the CI job carries: SIGSTORE_ID_TOKEN, GitHub's own request, or Buildkite's agent, as @sigstore/sign finds them. */
export async function identityToken(): Promise<string> {
  const { CIContextProvider } = await import("@sigstore/sign");
  try {
    return await new CIContextProvider("sigstore").getToken();
  } catch (cause) {
    throw signingFailed(
      "this job carries no identity token",
      "GitHub: permissions id-token: write; GitLab: id_tokens: SIGSTORE_ID_TOKEN with aud: sigstore; else give --identity-token or --key",
      cause,
    );
  }
}

/** What the token says of its bearer. Nothing is believed here: the authority reads it, and the certificate says what it saw. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    return typeof claims === "object" && claims !== null ? { ...claims } : undefined;
  } catch {
    return undefined;
  }
}
