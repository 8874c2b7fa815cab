import { Option, type Command } from "commander";

/** What `provost verify` is asked beyond the files: with which documents, under which trust and policy, and what is expected. */
export interface VerifyQuestion {
  readonly bundle?: readonly string[];
  readonly evidence?: string;
  readonly in?: string;
  readonly trust?: string;
  readonly policy?: string;
  readonly forGroup?: readonly string[];
  readonly builder?: string;
  readonly source?: string;
  readonly branch?: string;
  readonly tag?: string;
  readonly versionedTag?: string;
  readonly commit?: string;
  readonly issuer?: string;
  readonly identity?: string;
  readonly identityPattern?: string;
  readonly key?: readonly string[];
  readonly minLevel?: "1" | "2" | "3";
  readonly input?: readonly string[];
  readonly package?: string;
  readonly at?: string;
  readonly offline?: boolean;
}

/** Only the files: whoever asks no more gets what this device knows. */
export const asksNothing = ({ offline: _offline, ...asked }: VerifyQuestion): boolean =>
  Object.values(asked).every((one) => one === undefined);

export function describeVerify(command: Command): Command {
  return command
    .argument("<file...>")
    .option(
      "--bundle <file>",
      "a document about the files: Sigstore bundle, attestation, signature; may be repeated",
      each,
    )
    .option("--evidence <folder>", "a folder of such documents, found by digest or name")
    .option("--in <archive>", "the archive the files came out of: what is proven of it carries to them")
    .option("--trust <file>", "the trust document, in JSON or YAML, or the version of one the server sent")
    .option("--policy <file>", "what this policy would do; exit code 5 where it would block")
    .option("--for-group <group>", "with --policy: as if on a device of this group; may be repeated", each)
    .option("--source <repository>", "expected: built from this repository, github.com/owner/name")
    .option("--branch <branch>", "expected: from this branch")
    .option("--tag <tag>", "expected: from this tag")
    .option("--versioned-tag <version>", "expected: from a tag of this version, v1 or v1.2")
    .option("--commit <commit>", "expected: from this commit")
    .option("--builder <id>", "expected: by this builder, with or without its @reference")
    .option("--input <name=value>", "expected: this input of the build; may be repeated", each)
    .addOption(new Option("--min-level <level>", "expected: at least this SLSA Build level").choices(["1", "2", "3"]))
    .option("--issuer <url>", "expected: the signer's identity was vouched for by this issuer")
    .option("--identity <identity>", "expected: signed by this identity, letter by letter")
    .option("--identity-pattern <pattern>", "expected: signed by an identity that this pattern matches as a whole")
    .option(
      "--key <file>",
      "expected: signed with this public key (PEM, minisign, OpenPGP), or ID=FILE; may be repeated",
      each,
    )
    .option("--package <purl>", "expected: this package of npm or PyPI, pkg:npm/name@version")
    .option("--at <time>", "judge as of this time, 2026-01-31T12:00:00Z")
    .option("--offline", "nothing is asked of any network: so it is always");
}

/** An option that may be given again. A variadic one would swallow the files behind it. */
export const each = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
