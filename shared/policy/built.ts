import type { ChainLink, Verdict } from "../model/verdict.ts";
import { inputFact } from "../provenance/words.ts";

/** How a file was built and who stands behind it, as far as evidence that holds says so: the components an owner has rules about. */
export interface Built {
  /** "refs/heads/main", "refs/tags/v1.2.0". */
  readonly ref?: string;
  /** The branch, also of a tag where the event says which one it was pushed from. */
  readonly branch?: string;
  readonly tag?: string;
  readonly commit?: string;
  /** "github.com/owner". */
  readonly owner?: string;
  readonly workflow?: string;
  readonly buildType?: string;
  readonly runner?: "hosted" | "self-hosted";
  /** What whoever started the build could choose. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** Who vouched for the signer's identity. */
  readonly issuer?: string;
  /** Entries in transparency logs, and words about the time of signing, that hold. */
  readonly logEntries?: number;
  readonly times?: number;
  /** Of a verification summary: who verified, and the levels it states. */
  readonly verifier?: string;
  readonly verifiedLevels?: readonly string[];
}

/** From the links of a chain that are verified, and from no others. */
export function builtFrom({ chain }: Pick<Verdict, "chain">): Built {
  const facts = (name: ChainLink["link"]): Readonly<Record<string, string>> =>
    chain.find(({ link, state }) => link === name && state === "verified")?.facts ?? {};
  const [source, build, signature, log] = [facts("source"), facts("build"), facts("signature"), facts("log")];
  const ref = source["reference"];
  const inputs = Object.entries(build).flatMap(([name, value]) =>
    name.startsWith(inputFact) ? [[name.slice(inputFact.length), value] as const] : [],
  );
  const entries = Object.keys(log).filter((name) => name.startsWith("index in ")).length;
  const levels = signature["verified levels"];
  return defined({
    ref,
    branch: after("refs/heads/", ref) ?? after("refs/heads/", source["base reference"]),
    tag: after("refs/tags/", ref),
    commit: source["commit"],
    owner: ownerOf(source["repository"]),
    workflow: build["workflow"],
    buildType: build["build type"],
    runner: runners[build["runner"] ?? ""],
    inputs: inputs.length === 0 ? undefined : Object.fromEntries(inputs),
    issuer: signature["issuer"],
    logEntries: entries === 0 ? undefined : entries,
    times: Number(log["proofs of time"] ?? 0) || undefined,
    verifier: signature["verifier"],
    verifiedLevels: levels === undefined || levels === "" ? undefined : levels.split(", "),
  });
}

const runners: Readonly<Record<string, "hosted" | "self-hosted">> = {
  "github-hosted": "hosted",
  "gitlab-hosted": "hosted",
  "self-hosted": "self-hosted",
};

const after = (prefix: string, text: string | undefined): string | undefined =>
  text?.startsWith(prefix) === true ? text.slice(prefix.length) : undefined;

function ownerOf(repository: string | undefined): string | undefined {
  const end = repository?.lastIndexOf("/") ?? -1;
  return repository === undefined || end <= 0 ? undefined : repository.slice(0, end);
}

function defined(values: { readonly [K in keyof Built]: Built[K] | undefined }): Built {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
