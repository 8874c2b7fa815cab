import type { SignatureBundle } from "@sigstore/sign";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Service } from "@provost/shared/provenance/sigstore/signing-config.ts";
import { reason, requireSafe } from "./ask.ts";
import type { SignedBy } from "./signer.ts";
import { signingFailed } from "./signing-failed.ts";

/** What a log or a timestamp authority adds to a bundle, as its JSON holds it. */
export interface Witnessed {
  readonly tlogEntries: readonly unknown[];
  readonly rfc3161Timestamps: readonly unknown[];
}

export interface Witnesses {
  readonly logs: readonly Service[];
  readonly timestampAuthorities: readonly Service[];
}

/** Asks every log and every timestamp authority at once, and fails when one of them does. */
export async function witness(
  content: SignatureBundle,
  by: SignedBy,
  { logs, timestampAuthorities }: Witnesses,
): Promise<Witnessed> {
  const { RekorWitness, TSAWitness } = await import("@sigstore/sign");
  const bounds = { timeout: 20_000, retry: 2 };
  const logged = logs.map(({ url, version }) => {
    if (version === 2 && by.kind === "key")
      throw signingFailed(
        `the log ${hostOf(url)} is a Rekor v2 log, and keys are recorded in Rekor v1 only`,
        "sign keyless, or name a Rekor v1 log with --rekor-url",
      );
    const rekor = new RekorWitness({ ...bounds, rekorBaseURL: url, majorApiVersion: version, entryType: "dsse" });
    return asked("the transparency log", url, async () => (await rekor.testify(content, by.pem)).tlogEntries ?? []);
  });
  const stamped = timestampAuthorities.map(({ url }) => {
    const authority = new TSAWitness({ ...bounds, tsaBaseURL: url });
    return asked(
      "the timestamp authority",
      url,
      async () => (await authority.testify(content)).rfc3161Timestamps ?? [],
    );
  });
  const [tlogEntries, rfc3161Timestamps] = await Promise.all([Promise.all(logged), Promise.all(stamped)]);
  return { tlogEntries: tlogEntries.flat(), rfc3161Timestamps: rfc3161Timestamps.flat() };
}

const hostOf = (url: string): string => new URL(url).host;

async function asked<T>(what: string, url: string, ask: () => Promise<readonly T[]>): Promise<readonly T[]> {
  requireSafe(what, new URL(url));
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw signingFailed(
      `${what} ${hostOf(url)} did not witness the signature: ${reason(cause)}`,
      "try again later",
      cause,
    );
  }
}
