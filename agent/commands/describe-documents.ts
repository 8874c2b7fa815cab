import type { Command } from "commander";
import type { AttestQuestion } from "./attest.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import type { SigningQuestion } from "./sign-bundle.ts";
import type { BundleQuestion } from "./verify-bundle.ts";
import { each } from "./verify-options.ts";

/** The verbs about documents: each is loaded when it is used, with the engine and the libraries it needs. */
export interface DocumentVerbs {
  verifyBundle(request: Request, subject: string, asked: BundleQuestion): Promise<ExitCode>;
  signBundle(request: Request, file: string, asked: SigningQuestion): Promise<ExitCode>;
  attest(request: Request, artefacts: readonly string[], asked: AttestQuestion): Promise<ExitCode>;
  policyCheck(request: Request, policy: string): Promise<ExitCode>;
  policyTest(request: Request, policy: string, cases: string): Promise<ExitCode>;
}

export interface Describing {
  readonly verb: (name: string, description: string, under?: Command) => Command;
  readonly group: (name: string, description: string) => Command;
  readonly request: (command: Command) => Request;
  readonly end: (code: ExitCode) => void;
}

export function describeDocuments(verbs: DocumentVerbs, { verb, group, request, end }: Describing): void {
  verb("verify-bundle", "does this Sigstore bundle hold for this file (the protocol of sigstore-conformance)")
    .option("--staging", "of Sigstore's staging instance; its root is given with --trusted-root")
    .requiredOption("--bundle <file>", "the Sigstore bundle")
    .option("--certificate-identity <identity>", "who has to have signed, letter by letter")
    .option("--certificate-oidc-issuer <url>", "who has to have vouched for that identity")
    .option("--key <file>", "a public key in PEM instead of an identity")
    .option("--trusted-root <file>", "trusted_root.json instead of the public-good instance's")
    .argument("<file-or-digest>", "the file, or sha256: and its digest")
    .action(async (subject: string, asked: BundleQuestion, command: Command) =>
      end(await verbs.verifyBundle(request(command), subject, asked)),
    );
  verb("sign-bundle", "sign a file keyless into a Sigstore bundle (the protocol of sigstore-conformance)")
    .option("--staging", "with Sigstore's staging instance; give --trusted-root and --signing-config")
    .option("--in-toto", "the file is an in-toto statement: sign it in an envelope")
    .requiredOption("--identity-token <token>", "the OpenID Connect token to sign with")
    .requiredOption("--bundle <file>", "where to write the bundle")
    .option("--trusted-root <file>", "trusted_root.json to verify the result with")
    .option("--signing-config <file>", "signing_config.json: which services sign and witness")
    .argument("<file>")
    .action(async (file: string, asked: SigningQuestion, command: Command) =>
      end(await verbs.signBundle(request(command), file, asked)),
    );
  describeAttest(verb("attest", "state where these files come from, and sign it")).action(
    async (artefacts: string[], asked: AttestQuestion, command: Command) =>
      end(await verbs.attest(request(command), artefacts, asked)),
  );
  const policy = group("policy", "read a policy, and try it on cases");
  verb("check", "is this policy well formed, and what does it say", policy)
    .argument("<policy>")
    .action(async (file: string, _options: object, command: Command) =>
      end(await verbs.policyCheck(request(command), file)),
    );
  verb("test", "what does this policy decide in these cases, and is it what was expected", policy)
    .argument("<policy>")
    .requiredOption("--cases <file>", "situations and the decisions expected of them, in YAML or JSON")
    .action(async (file: string, { cases }: { cases: string }, command: Command) =>
      end(await verbs.policyTest(request(command), file, cases)),
    );
}

function describeAttest(command: Command): Command {
  return command
    .argument("[artefact...]", "the files; none with --publish and --bundle, which publish what is signed already")
    .option("--key <file-or-uri>", "a private key in PEM, or pkcs11:, awskms://, gcpkms://, azurekms://, hashivault://")
    .option("--passphrase-file <file>", "opens an encrypted key; or set PROVOST_KEY_PASSPHRASE")
    .option("--keyless", "sign with the identity token that this CI job carries")
    .option("--identity-token <token>", "the identity token, where the job does not carry it")
    .option("--signing-config <file>", "signing_config.json: which services sign and witness")
    .option("--fulcio-url <url>", "the certificate authority")
    .option("--rekor-url <url>", "the transparency log (Rekor v1)")
    .option("--tsa-url <url>", "the timestamp authority")
    .option("--trusted-root <file>", "trusted_root.json to verify the result with")
    .option("--predicate <file>", "state this instead of SLSA provenance: the predicate in JSON")
    .option("--predicate-type <uri>", "the type of that predicate")
    .option("--builder-id <uri>", "who builds here, where the CI does not say")
    .option("--sbom <file>", "attest this SBOM as well (CycloneDX or SPDX in JSON); auto: one made of each artefact")
    .option("--contents", "each file inside an archive is a subject as well")
    .option("--output <folder>", "where to write the bundles, instead of beside the artefacts")
    .option("--publish <url>", "hand the bundles to this Provost server")
    .option("--token-file <file>", "holds the token for publishing; or set PROVOST_PUBLISH_TOKEN")
    .option("--bundle <file>", "publish this bundle, sign nothing; may be repeated", each);
}
