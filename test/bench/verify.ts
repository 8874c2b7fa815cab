/**
 * Sigstore bundles per second, from the bytes of the document to the claims: against @sigstore/verify used plainly (trust material
 * parsed once, as its documentation shows), alternating in one run over the same bundles. Beside it what the signatures alone cost.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { instant } from "@provost/shared/model/ids.ts";
import type { Evidence } from "@provost/shared/provenance/format.ts";
import { publicKey } from "@provost/shared/provenance/keys/public-key.ts";
import { settle } from "@provost/shared/provenance/keys/signature-check.ts";
import { readBundle } from "@provost/shared/provenance/sigstore/bundle.ts";
import { readSignature } from "@provost/shared/provenance/sigstore/read-signature.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import { readOne } from "@provost/shared/provenance/verify.ts";
import { firstSubject } from "../conformance/first-subject.ts";
import { evidenceAt, json, provenance, publicTrust } from "../conformance/vectors.ts";

export interface BenchResult {
  readonly name: string;
  readonly figures: Readonly<Record<string, number>>;
  readonly goals: readonly Goal[];
}

export interface Goal {
  readonly goal: string;
  readonly wanted: number;
  readonly got: number;
  readonly unit: string;
  readonly holds: boolean;
}

export async function run(): Promise<BenchResult> {
  const cases = bundles();
  if (cases.length === 0) throw new Error("the vectors are absent; set PROVOST_VECTORS");
  const trust = publicTrust();
  const at = instant(Date.now());
  const ours = async ({ evidence, subject }: Case): Promise<void> => {
    const reading = await readOne(evidence, { subject, criteria: {}, trust, now: at });
    if (reading.kind !== "claims") throw new Error(`${evidence.name ?? ""}: ${reading.why}`);
  };
  const material = toTrustMaterial(TrustedRoot.fromJSON(json(provenance("trust", "trusted_root.public-good.json"))));
  const plain = ({ text }: Case): void => {
    new Verifier(material).verify(toSignedEntity(bundleFromJSON(JSON.parse(text))));
  };
  const bare = cases.map(({ evidence, subject }) => {
    const bundle = readBundle(evidence.bytes);
    const { checks } = readSignature(bundle, subject, trust, at);
    return { checks, spki: checks[0]?.key.export({ type: "spki", format: "der" }) };
  });
  const times = { ours: [] as number[], together: [] as number[], plain: [] as number[], bare: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    if (round === warmUp) for (const list of Object.values(times)) list.length = 0;
    times.plain.push(await perSecond(cases, (one) => plain(one)));
    times.ours.push(await perSecond(cases, ours));
    times.together.push(await inFlight(cases, ours));
    times.bare.push(
      await perSecond(bare, ({ checks, spki }) => {
        // The signer's key is new with each bundle: importing it belongs to the floor.
        if (spki !== undefined) publicKey(spki);
        settle(checks);
      }),
    );
  }
  return report(cases.length, checksPer(bare), {
    ours: median(times.ours),
    together: median(times.together),
    plain: median(times.plain),
    floor: median(times.bare),
  });
}

/** The first rounds only warm both up. */
const warmUp = 10;
const rounds = 31;

interface Case {
  readonly evidence: Evidence;
  readonly text: string;
  readonly subject: Subject;
}

/** Every bundle of the published sets that is about a file by its digest and that both verifiers accept. */
function bundles(): readonly Case[] {
  const folders = ["sigstore-js/tests/bundles", "slsa-verifier/testdata/gha_generic/v2.1.0"];
  const maven = ["v1.9.0", "v1.10.0", "v2.0.0", "v2.1.0"].map(
    (version) => `slsa-verifier/testdata/gha_maven/${version}`,
  );
  return [...folders, ...maven].flatMap((folder) => {
    const path = provenance(folder);
    if (!existsSync(path)) return [];
    const names = readdirSync(path).filter((name) => /\.(?:sigstore|slsa|jsonl)$/.test(name));
    return names.map((name) => ({
      evidence: evidenceAt(`${path}/${name}`),
      text: readFileSync(`${path}/${name}`, "utf8"),
      subject: firstSubject(`${path}/${name}`),
    }));
  });
}

async function perSecond<T>(cases: readonly T[], work: (one: T) => Promise<void> | void): Promise<number> {
  const started = performance.now();
  for (const one of cases) await work(one);
  return (cases.length / (performance.now() - started)) * 1000;
}

/** As the agent and the server ask: several files at once, so that the slow curve runs beside the reading. */
async function inFlight<T>(cases: readonly T[], work: (one: T) => Promise<void>): Promise<number> {
  const left = cases.values();
  const started = performance.now();
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (const one of left) await work(one);
    }),
  );
  return (cases.length / (performance.now() - started)) * 1000;
}

const lanes = 8;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const checksPer = (bare: readonly { readonly checks: readonly unknown[] }[]): number =>
  bare.reduce((sum, { checks }) => sum + checks.length, 0) / bare.length;

interface PerSecond {
  readonly ours: number;
  readonly together: number;
  readonly plain: number;
  readonly floor: number;
}

function report(count: number, signatures: number, { ours, together, plain, floor }: PerSecond): BenchResult {
  const times = rounded(together / plain);
  return {
    name: "verify",
    figures: {
      bundles: count,
      "bundles per second, eight in flight": rounded(together),
      "bundles per second, one at a time": rounded(ours),
      "bundles per second, @sigstore/verify": rounded(plain),
      "times @sigstore/verify, eight in flight": times,
      "times @sigstore/verify, one at a time": rounded(ours / plain),
      "signatures per bundle": rounded(signatures),
      "bundles per second, one at a time, if only the signatures were checked": rounded(floor),
    },
    goals: [{ goal: "times @sigstore/verify used plainly", wanted: 5, got: times, unit: "times", holds: times >= 5 }],
  };
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
