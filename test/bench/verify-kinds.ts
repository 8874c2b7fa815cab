/** The bundles that `verify` measures: every kind that the published sets hold, and the kinds they lack from an instance of our own. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Evidence } from "@provost/shared/provenance/format.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import { readTrust, type Trust } from "@provost/shared/provenance/trust.ts";
import { firstSubject } from "../conformance/first-subject.ts";
import { evidenceAt, evidenceOf, json, provenance, publicTrust, subjectOf } from "../conformance/vectors.ts";
import { forgeBundle, type BundleParts } from "../support/sigstore/forge-bundle.ts";
import { sigstoreInstance, trustedRoot } from "../support/sigstore/instance.ts";

export interface Case {
  readonly kind: string;
  readonly evidence: Evidence;
  readonly text: string;
  readonly subject: Subject;
  /** A message signature is verified over these. */
  readonly artefact?: Buffer;
  readonly trust: Trust;
  /** trusted_root.json, as the other verifier reads it. */
  readonly root: unknown;
}

export function cases(): readonly Case[] {
  return [...published(), ...forged()];
}

/** Every bundle of the published sets that is about a file by its digest and that both verifiers accept. */
function published(): readonly Case[] {
  const root = json(provenance("trust", "trusted_root.public-good.json"));
  const trust = publicTrust();
  const folders = ["sigstore-js/tests/bundles", "slsa-verifier/testdata/gha_generic/v2.1.0"];
  const maven = ["v1.9.0", "v1.10.0", "v2.0.0", "v2.1.0"].map(
    (version) => `slsa-verifier/testdata/gha_maven/${version}`,
  );
  return [...folders, ...maven].flatMap((folder) => {
    const path = provenance(folder);
    if (!existsSync(path)) return [];
    const names = readdirSync(path).filter((name) => /\.(?:sigstore|slsa|jsonl)$/.test(name));
    return names.map((name) => {
      const text = readFileSync(`${path}/${name}`, "utf8");
      return {
        kind: kindOf(text),
        evidence: evidenceAt(`${path}/${name}`),
        text,
        subject: firstSubject(`${path}/${name}`),
        trust,
        root,
      };
    });
  });
}

/** "0.3, dsse 0.0.1 with proof" */
function kindOf(text: string): string {
  const version = /bundle(?:\.v|\+json;version=)(0\.\d)/.exec(text)?.[1] ?? "?";
  const [, kind = "?", entry = "?"] = /"kind":\s*"(\w+)",\s*"version":\s*"([\d.]+)"/.exec(text) ?? [];
  return `${version}, ${kind} ${entry}${text.includes('"checkpoint"') ? " with proof" : ""}`;
}

const artefact = Buffer.from("the program");
const tiles = { log: "tiles" } as const;

function forged(): readonly Case[] {
  const instance = sigstoreInstance();
  const root = trustedRoot(instance);
  const read = readTrust({ version: "bench", sigstore: [root] });
  if (!read.ok) throw new Error(read.why);
  const subject = { ...subjectOf(artefact), bytes: artefact };
  const statement = {
    payload: Buffer.from(
      JSON.stringify({
        _type: "https://in-toto.io/Statement/v1",
        subject: [{ name: "program", digest: { sha256: subject.sha256 } }],
        predicateType: "https://in-toto.io/attestation/release/v0.1",
        predicate: {},
      }),
    ),
    payloadType: "application/vnd.in-toto+json",
  };
  const kinds: readonly (readonly [string, BundleParts])[] = [
    ["0.3, message, hashedrekord 0.0.1 with proof", {}],
    ["0.3, message, hashedrekord 0.0.1 with proof, timestamp", { stamps: [{}] }],
    ["0.3, message, rekor v2, timestamp", { entries: [tiles], stamps: [{}] }],
    ["0.3, statement, rekor v2, timestamp", { signs: statement, entries: [tiles], stamps: [{}] }],
  ];
  return kinds.flatMap(([kind, parts]) =>
    Array.from({ length: 4 }, () => {
      const text = JSON.stringify(forgeBundle(instance, parts));
      const evidence = evidenceOf(Buffer.from(text), "forged");
      const message = parts.signs === undefined ? { artefact } : {};
      return { kind: `${kind} (made here)`, evidence, text, subject, trust: read.trust, root, ...message };
    }),
  );
}
