import { basename, join, resolve } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Trust } from "@provost/shared/provenance/trust.ts";
import { readArtefact, type Artefact } from "../attest/artefact.ts";
import type { Predicate } from "../attest/build-provenance.ts";
import { gitCheckout } from "../attest/git-checkout.ts";
import { plan, type StatementQuestion } from "../attest/plan.ts";
import { publish, type Published } from "../attest/publish.ts";
import { statementBytes } from "../attest/statement.ts";
import { readDocument } from "../provenance/read-document.ts";
import { plainKey, sigstoreTrust } from "../provenance/sigstore-trust.ts";
import { claimsOf, identityToken } from "../signing/identity-token.ts";
import { keylessSigner } from "../signing/keyless.ts";
import { keyHint, makeBundle } from "../signing/make-bundle.ts";
import { maxKeyBytes, openSigner } from "../signing/open-signer.ts";
import { requireHolds } from "../signing/require-holds.ts";
import { servicesFor, witnessesFor, type NamedServices } from "../signing/where-to-sign.ts";
import type { Signer } from "../signing/signer.ts";
import type { Witnesses } from "../signing/witness.ts";
import { writeWhole } from "../signing/write-whole.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import { jsonLine } from "./terminal.ts";
import { maxBundleBytes, whoIs } from "./verify-bundle.ts";

export interface AttestQuestion extends NamedServices, StatementQuestion {
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly keyless?: boolean;
  readonly identityToken?: string;
  readonly trustedRoot?: string;
  readonly builderId?: string;
  /** Each file in an archive is a subject as well. */
  readonly contents?: boolean;
  readonly output?: string;
  readonly publish?: string;
  readonly tokenFile?: string;
  readonly bundle?: readonly string[];
}

/** `provost attest ARTEFACT...`: states where the artefacts come from, signs it, verifies what it signed, stores and publishes it. */
export async function attest(request: Request, artefacts: readonly string[], asked: AttestQuestion): Promise<ExitCode> {
  const path = (name: string): string => resolve(request.cwd, name);
  const token = publishToken(asked, request.env["PROVOST_PUBLISH_TOKEN"], path);
  if (artefacts.length === 0) return publishAgain(request, asked, token);
  requireOneWay(asked, artefacts);
  const hand = await signingHand(request, asked);
  const read: Artefact[] = [];
  for (const name of artefacts) {
    request.terminal.progress(`${name} …`);
    read.push(await readArtefact(path(name), asked.contents === true, request.stop));
  }
  const { env } = request;
  const context = {
    env,
    git: gitCheckout(request.cwd),
    claims: hand.claims,
    builderId: asked.builderId,
    now: request.now(),
  };
  for (const { predicate, suffix, about } of await plan(read, asked, context, path)) {
    const payload = statementBytes(
      about.flatMap(({ named, inside }) => [named, ...inside]),
      predicate,
    );
    const signable = { kind: "statement", payload } as const;
    request.terminal.progress(`signing with ${hand.signer.name} …`);
    const bundle = await makeBundle(signable, hand.signer, hand.witnesses);
    request.terminal.progress(undefined);
    const { signer, times } = await requireHolds(bundle, signable, hand.trust(), request.now());
    for (const { path: artefact, named, inside } of about) {
      const where = `${asked.output === undefined ? artefact : join(path(asked.output), named.name)}${suffix}`;
      writeWhole(where, bundle);
      const made = {
        artefact,
        bundle: where,
        sha256: named.sha256,
        inside: inside.length,
        predicateType: predicate.type,
        signer,
        times,
      };
      tell(request, made, predicate, whoIs(signer));
    }
    if (token !== undefined) {
      const name = `${about[0]?.named.name ?? ""}${suffix}`;
      told(request, await publish(token.server, token.text, { name, bytes: bundle }, fetch));
    }
  }
  return exitCodes.asWanted;
}

interface SigningHand {
  readonly signer: Signer;
  readonly witnesses: Witnesses;
  readonly claims: Readonly<Record<string, unknown>> | undefined;
  /** What the result is verified with; the key is known once it has signed. */
  trust(): Trust;
}

async function signingHand(request: Request, asked: AttestQuestion): Promise<SigningHand> {
  const path = (name: string | undefined): string | undefined =>
    name === undefined ? undefined : resolve(request.cwd, name);
  const config = path(asked.signingConfig);
  const named = { ...asked, ...(config === undefined ? {} : { signingConfig: config }) };
  const root = sigstoreTrust(path(asked.trustedRoot));
  if (asked.key === undefined) {
    const { authority, ...witnesses } = servicesFor(named, request.now());
    const token = asked.identityToken ?? (await identityToken());
    const signer = await keylessSigner(authority, token);
    return { signer, witnesses, claims: claimsOf(token), trust: () => root };
  }
  const witnesses = witnessesFor(named, request.now());
  const opened = await openSigner(asked.key, { ...request, fetch, now: () => request.now() }, asked.passphraseFile);
  let pem: string | undefined;
  const signer: Signer = {
    name: opened.name,
    async sign(data) {
      const signature = await opened.sign(data);
      if (signature.by.kind === "key") pem = signature.by.pem;
      return signature;
    },
  };
  const withoutLog = witnesses.logs.length === 0;
  const trust = (): Trust =>
    pem === undefined
      ? root
      : { ...root, keys: [plainKey(Buffer.from(pem), opened.name, { id: keyHint(pem), withoutLog })] };
  return { signer, witnesses, claims: undefined, trust };
}

function requireOneWay(asked: AttestQuestion, artefacts: readonly string[]): void {
  const wrong = (message: string, remedy: string) => new AppError("CONFIG_INVALID", message, { remedy });
  if (asked.key !== undefined && (asked.keyless === true || asked.identityToken !== undefined))
    throw wrong("--key and --keyless exclude each other", "sign with a key of yours, or with an identity");
  if (asked.key === undefined && asked.keyless !== true && asked.identityToken === undefined)
    throw wrong(
      "with what to sign was not said",
      "give --key FILE or URI, or --keyless in a CI job with an identity token",
    );
  if ((asked.predicate === undefined) !== (asked.predicateType === undefined))
    throw wrong("--predicate and --predicate-type belong together", "give both, or neither for SLSA provenance");
  if (asked.sbom !== undefined && asked.sbom !== "auto" && artefacts.length > 1)
    throw wrong("an SBOM describes one artefact", "attest the artefacts one by one, each with its SBOM");
  if (new Set(artefacts.map((name) => basename(name))).size !== artefacts.length)
    throw wrong("two artefacts have the same name", "attest them one by one");
}

/** Publishing is settled before anything is signed: a signature is public once a log has it. */
function publishToken(
  { publish: server, tokenFile }: AttestQuestion,
  given: string | undefined,
  path: (name: string) => string,
): { readonly server: string; readonly text: string } | undefined {
  if (server === undefined) return undefined;
  if (tokenFile === undefined && given === undefined)
    throw new AppError("CONFIG_INVALID", "--publish needs a token", {
      remedy: "set PROVOST_PUBLISH_TOKEN, or name the file that holds it with --token-file",
    });
  const text =
    tokenFile === undefined
      ? (given ?? "")
      : readDocument("the token file", path(tokenFile), maxKeyBytes).toString("utf8").trim();
  if (/^[\x21-\x7e]+$/.test(text)) return { server, text };
  throw new AppError("CONFIG_INVALID", `${tokenFile ?? "PROVOST_PUBLISH_TOKEN"} holds no token`, {
    remedy: "one token and nothing else",
  });
}

/** What lies written already goes out without being signed again. */
async function publishAgain(
  request: Request,
  asked: AttestQuestion,
  token: ReturnType<typeof publishToken>,
): Promise<ExitCode> {
  if (token === undefined || asked.bundle === undefined)
    throw new AppError("CONFIG_INVALID", "no artefact was named", {
      remedy: "name the files to attest, or with --publish and --bundle the bundles to publish",
    });
  for (const name of asked.bundle) {
    const bytes = readDocument("the bundle", resolve(request.cwd, name), maxBundleBytes);
    told(request, await publish(token.server, token.text, { name: basename(name), bytes }, fetch));
  }
  return exitCodes.asWanted;
}

interface Made {
  readonly artefact: string;
  readonly bundle: string;
  readonly inside: number;
}

function tell({ terminal, json }: Request, made: Made, { type, from }: Predicate, who: string): void {
  if (json) return terminal.out(jsonLine(made));
  terminal.out(made.artefact, "head");
  terminal.out(`  states    ${type} (${from})${made.inside === 0 ? "" : `, and of ${made.inside} files inside`}`);
  terminal.out(`  signed    by ${who}; verified`, "good");
  terminal.out(`  written   ${made.bundle}`);
}

function told({ terminal, json }: Request, { host, outcome, why }: Published): void {
  if (json) return terminal.out(jsonLine({ published: host, outcome, ...(why === undefined ? {} : { why }) }));
  terminal.out(`  published to ${host}: ${outcomes[outcome]}`, outcome === "contradictory" ? "weak" : "good");
  if (why !== undefined) terminal.out(`            ${why}`);
}

const outcomes: Readonly<Record<Published["outcome"], string>> = {
  added: "added",
  known: "it was there",
  contradictory: "kept, and it contradicts an earlier document",
};
