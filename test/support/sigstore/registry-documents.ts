import { hash } from "node:crypto";
import { npmPurl } from "../../../shared/ecosystems/purl.ts";
import { forgeBundle } from "./forge-bundle.ts";
import { sigstoreInstance } from "./instance.ts";
import { alternativeName, extensions } from "./write-certificate.ts";

/** Where a version says that it was built. */
export interface Built {
  /** "owner/name" at github.com. */
  readonly repository: string;
  readonly repositoryId?: string;
  readonly ownerId?: string;
  readonly builder?: string;
}

const instance = sigstoreInstance();

/** What npm's registry answers under /-/npm/v1/attestations/: its own word, and the build's. */
export function npmAttestations(name: string, version: string, built: Built): object {
  const subject = [{ name: npmPurl(name, version), digest: { sha512: hash("sha512", `${name}@${version}`) } }];
  const publish = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";
  const predicate = { name, version, registry: "https://packages.example" };
  return {
    attestations: [
      { predicateType: publish, bundle: signed({ subject, predicateType: publish, predicate }) },
      { predicateType: slsa, bundle: signed({ subject, ...provenance(built) }, built) },
    ],
  };
}

/** A provenance object of a Python index (PEP 740) with the attestation of one file. */
export function pypiProvenance(file: string, { repository, ...built }: Built): object {
  const predicateType = "https://docs.pypi.org/attestations/publish/v1";
  const statement = {
    subject: [{ name: file, digest: { sha256: hash("sha256", file) } }],
    predicateType,
    predicate: null,
  };
  const bundle = signed(statement, { repository, ...built }) as unknown as {
    verificationMaterial: { certificate: { rawBytes: string }; tlogEntries: unknown[] };
    dsseEnvelope: { payload: string; signatures: { sig: string }[] };
  };
  const attestation = {
    version: 1,
    verification_material: {
      certificate: bundle.verificationMaterial.certificate.rawBytes,
      transparency_entries: bundle.verificationMaterial.tlogEntries,
    },
    envelope: { statement: bundle.dsseEnvelope.payload, signature: bundle.dsseEnvelope.signatures[0]?.sig },
  };
  return {
    version: 1,
    attestation_bundles: [
      { publisher: { kind: "GitHub", repository, workflow: "release.yml" }, attestations: [attestation] },
    ],
  };
}

const slsa = "https://slsa.dev/provenance/v1";

const provenance = ({ repository, builder = "https://github.com/actions/runner/github-hosted" }: Built) => ({
  predicateType: slsa,
  predicate: {
    buildDefinition: {
      buildType: "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
      externalParameters: {
        workflow: {
          repository: `https://github.com/${repository}`,
          ref: "refs/heads/main",
          path: ".github/workflows/release.yml",
        },
      },
      resolvedDependencies: [],
    },
    runDetails: { builder: { id: builder } },
  },
});

/** By a certificate that names the build; without one, by a key of the registry. */
function signed(statement: object, built?: Built): Record<string, unknown> {
  const payload = Buffer.from(JSON.stringify({ _type: "https://in-toto.io/Statement/v1", ...statement }));
  const signs = { payload, payloadType: "application/vnd.in-toto+json" };
  if (built === undefined) return forgeBundle(instance, { signs, hint: "SHA256:registry" });
  const { repository, repositoryId, ownerId } = built;
  const at = `https://github.com/${repository}`;
  return forgeBundle(instance, {
    signs,
    leaf: {
      names: [alternativeName.uri(`${at}/.github/workflows/release.yml@refs/heads/main`)],
      extensions: [
        extensions.fulcio(12, at),
        ...(repositoryId === undefined ? [] : [extensions.fulcio(15, repositoryId)]),
        ...(ownerId === undefined ? [] : [extensions.fulcio(17, ownerId)]),
      ],
    },
  });
}
