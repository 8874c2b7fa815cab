import { generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { TrustDocument } from "@provost/shared/provenance/trust.ts";

/** A builder with a key of its own: statements that hold under `trustOf` and under no other trust. */
export interface ForgedBuilder {
  readonly keyId: string;
  readonly builderId: string;
  readonly pem: string;
  provenance(subject: { readonly sha256?: string; readonly sha512?: string }, more?: ForgedSource): Buffer;
}

export interface ForgedSource {
  readonly name?: string;
  readonly repository?: string;
  readonly commit?: string;
}

export function forgeBuilder(keyId = "builder-key"): ForgedBuilder {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const builderId = `https://builder.test/${keyId}`;
  return {
    keyId,
    builderId,
    pem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    provenance: (digest, more = {}) => envelope(statementOf(digest, builderId, more), keyId, privateKey),
  };
}

/** The builder reaches level 3 when its key signs for its id. */
export const trustOf = (builder: ForgedBuilder, more: Partial<TrustDocument> = {}): TrustDocument => ({
  keys: [{ id: builder.keyId, pem: builder.pem, uses: ["envelope"], withoutLog: true }],
  builders: [{ builder: { exact: builder.builderId }, signer: { keyId: builder.keyId }, level: 3 }],
  ...more,
});

function statementOf(digest: object, builderId: string, more: ForgedSource): object {
  const { name = "app", repository = "github.com/octo-org/app", commit = "c".repeat(40) } = more;
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name, digest }],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "https://builder.test/type/v1",
        externalParameters: { repository: `https://${repository}` },
        resolvedDependencies: [{ uri: `git+https://${repository}@refs/heads/main`, digest: { gitCommit: commit } }],
      },
      runDetails: { builder: { id: builderId } },
    },
  };
}

/** DSSE 1.0.2, "PAE". */
function envelope(statement: object, keyid: string, key: KeyObject): Buffer {
  const payloadType = "application/vnd.in-toto+json";
  const payload = Buffer.from(JSON.stringify(statement));
  const pae = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload]);
  const sig = sign("sha256", pae, key).toString("base64");
  return Buffer.from(
    JSON.stringify({ payload: payload.toString("base64"), payloadType, signatures: [{ keyid, sig }] }),
  );
}
