/** Documents as a CI makes them, by a key nobody holds: for what is filed, not for what is believed. */
export const digestText = (letter: string): string => letter.repeat(64);

export function provenanceEnvelope(sha256: string, repository = "o/r", more: { readonly purl?: string } = {}): string {
  const uri = `git+https://github.com/${repository}@refs/heads/main`;
  return envelopeOf({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: more.purl ?? "app", digest: { sha256 } }],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "https://actions.github.io/buildtypes/workflow/v1",
        externalParameters: {
          workflow: { repository: `https://github.com/${repository}`, ref: "refs/heads/main", path: ".github/x.yml" },
        },
        resolvedDependencies: [{ uri, digest: { gitCommit: "c".repeat(40) } }],
      },
      runDetails: { builder: { id: "https://github.com/actions/runner/github-hosted" } },
    },
  });
}

export const envelopeOf = (statement: unknown): string =>
  JSON.stringify({
    payload: Buffer.from(JSON.stringify(statement)).toString("base64"),
    payloadType: "application/vnd.in-toto+json",
    signatures: [{ keyid: "key-1", sig: "AAAA" }],
  });

export const minisignText = `untrusted comment: x\n${Buffer.concat([Buffer.from("ED"), Buffer.alloc(72, 1)]).toString("base64")}\n`;
