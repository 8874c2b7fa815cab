import * as z from "zod";
import { readJson } from "../read-json.ts";
import { documentsIn } from "../documents-in.ts";
import { nextPage, upstreamLimits, type Ask, type Found, type Upstream } from "../upstream.ts";

export interface GithubSettings {
  /** "https://api.github.com" */
  readonly api: string;
  /** Whose attestations are asked for, for digests that devices have: "octo-org", or "octo-org/octo-repo". */
  readonly attestations: readonly string[];
  /** Whose releases are looked through for evidence: "octo-org/octo-repo". */
  readonly releases: readonly string[];
  /** For private repositories and a higher rate. Sent to the API alone. */
  readonly token?: string;
}

/** GitHub: artifact attestations by digest, and evidence that lies among the files of releases. */
export function github({ api, attestations, releases, token }: GithubSettings): Upstream {
  const base = api.replace(/\/$/, "");
  const secret = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return {
    id: "github",
    refreshMs: 6 * 3_600_000,
    sources: releases.map((name) => ({ kind: "source", name })),
    knows: (wanted) =>
      wanted.kind === "digest" ? attestations.length > 0 : wanted.kind === "source" && releases.includes(wanted.name),
    async *pull(wanted, ask) {
      if (wanted.kind === "digest")
        for (const owner of attestations) {
          // An owner is an organization or a user, and only the matching address knows it.
          const places = owner.includes("/") ? [`repos/${owner}`] : [`orgs/${owner}`, `users/${owner}`];
          for (const place of places)
            yield* attestationsAt(`${base}/${place}/attestations/sha256:${wanted.sha256}?per_page=100`, secret, ask);
        }
      if (wanted.kind === "source")
        yield* releaseFiles(`${base}/repos/${wanted.name}/releases?per_page=100`, secret, ask);
    },
  };
}

type Secret = { readonly authorization?: string };
const accept = "application/vnd.github+json";

async function* attestationsAt(first: string, secret: Secret, ask: Ask): AsyncGenerator<Found> {
  let url: string | undefined = first;
  for (let page = 0; url !== undefined && page < upstreamLimits.pages; page += 1) {
    const answer = await ask({ url, accept, ...secret, maxBytes: upstreamLimits.indexBytes });
    if (answer === undefined) return;
    for (const bundle of bundlesIn(answer.bytes)) yield { bytes: bundle, name: "GitHub attestation" };
    url = nextPage(answer.link, url);
  }
}

/** The bundles that stand in the answer. Those given only as an address are compressed with Snappy and not fetched. */
export function bundlesIn(bytes: Uint8Array): readonly Buffer[] {
  const { attestations } = readJson(Attestations, bytes, "GitHub's answer");
  return attestations.flatMap(({ bundle }) => (bundle ? [Buffer.from(JSON.stringify(bundle))] : []));
}

const Attestations = z.object({
  attestations: z.array(z.object({ bundle: z.record(z.string(), z.unknown()).nullish() })).max(1000),
});

async function* releaseFiles(first: string, secret: Secret, ask: Ask): AsyncGenerator<Found> {
  let url: string | undefined = first;
  let count = 0;
  for (let page = 0; url !== undefined && page < upstreamLimits.pages; page += 1) {
    const answer = await ask({ url, accept, ...secret, maxBytes: upstreamLimits.indexBytes });
    if (answer === undefined) return;
    for (const { name, address } of evidenceFiles(answer.bytes)) {
      count += 1;
      if (count > upstreamLimits.documents) return;
      const file = await ask({ url: address, maxBytes: upstreamLimits.documentBytes, onlyIfNew: true });
      if (file !== undefined) yield* documentsIn(name, file.bytes);
    }
    url = nextPage(answer.link, url);
  }
}

export function evidenceFiles(bytes: Uint8Array): readonly { readonly name: string; readonly address: string }[] {
  const releases = readJson(Releases, bytes, "GitHub's list of releases");
  return releases.flatMap(({ assets }) =>
    assets
      .filter(({ name, size }) => isEvidence(name) && size <= upstreamLimits.documentBytes)
      .map(({ name, browser_download_url: address }) => ({ name, address })),
  );
}

const isEvidence = (name: string): boolean =>
  /\.(?:sigstore(?:\.json)?|intoto\.jsonl|jsonl|bundle|sbom\.json|spdx\.json|cdx\.json)$/.test(name);

const Releases = z
  .array(
    z.object({
      assets: z
        .array(z.object({ name: z.string().max(500), size: z.number(), browser_download_url: z.string().max(2000) }))
        .max(5000),
    }),
  )
  .max(1000);
