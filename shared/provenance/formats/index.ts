import type { ProvenanceFormat } from "../format.ts";
import type { Trust } from "../trust.ts";
import { cloudBuild } from "./cloud-build/cloud-build.ts";
import { cosignBundle } from "./cosign-bundle/cosign-bundle.ts";
import { dsse } from "./dsse/dsse.ts";
import { jar } from "./jar/jar.ts";
import { minisign } from "./minisign/minisign.ts";
import { npmAttestations } from "./npm-attestations/npm-attestations.ts";
import { npmSignature } from "./npm-signature/npm-signature.ts";
import { openpgpSignature } from "./openpgp/openpgp.ts";
import { nuget } from "./nuget/nuget.ts";
import { ociArtifact } from "./oci-artifact/oci-artifact.ts";
import { pep740 } from "./pep740/pep740.ts";
import { sigstoreBundle } from "./sigstore-bundle/sigstore-bundle.ts";

/** Every format, in the order they are asked whether a document is theirs. */
export const formats: readonly ProvenanceFormat<Trust>[] = [
  nuget,
  jar,
  minisign,
  openpgpSignature,
  ociArtifact,
  npmAttestations,
  sigstoreBundle,
  pep740,
  cosignBundle,
  cloudBuild,
  dsse,
  npmSignature,
];

/** Those whose document is the file that it is about. */
export const embeddedFormats: readonly ProvenanceFormat<Trust>[] = [jar, nuget];
