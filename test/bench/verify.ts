/**
 * Sigstore bundles per second, from the bytes of the document to the claims: against @sigstore/verify used plainly (trust material
 * parsed once, as its documentation shows), alternating in one run over the same bundles. Beside it what the signatures alone cost.
 * Each figure is a mean over the rounds: whatever else the machine does costs each side in proportion to its time. A least or a median
 * would favour the shorter.
 */
import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier, type TrustMaterial } from "@sigstore/verify";
import { instant, type Instant } from "@provost/shared/model/ids.ts";
import { publicKey } from "@provost/shared/provenance/keys/public-key.ts";
import { settle, type SignatureCheck } from "@provost/shared/provenance/keys/signature-check.ts";
import { readBundle } from "@provost/shared/provenance/sigstore/bundle.ts";
import { readSignature } from "@provost/shared/provenance/sigstore/read-signature.ts";
import { readOne } from "@provost/shared/provenance/verify.ts";
import { round, type Goal, type Options, type Result } from "./result.ts";
import { cases, type Case } from "./verify-kinds.ts";

export async function run({ say }: Options): Promise<Result> {
  const all = cases();
  const now = instant(Date.now());
  const works = all.map((one) => workOf(one, now));
  say(`${all.length} bundles, ${rounds - warmUp} rounds after ${warmUp} to warm up`);
  const times = all.map(() => ({ ours: [] as number[], plain: [] as number[], floor: [] as number[] }));
  const together: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const side of ["plain", "ours", "floor"] as const)
      for (const [at, work] of works.entries()) {
        const taken = await milliseconds(work[side]);
        if (round >= warmUp) times[at]?.[side].push(taken);
      }
    const taken = await milliseconds(() => inFlight(works));
    if (round >= warmUp) together.push(taken / works.length);
  }
  const taken = times.map(({ ours, plain, floor }, at) => ({
    kind: all[at]?.kind ?? "",
    ours: average(ours),
    plain: average(plain),
    floor: average(floor),
  }));
  return report(taken, average(together), works.reduce((sum, { checks }) => sum + checks.length, 0) / works.length);
}

/** The first rounds only warm all of it up. */
const warmUp = 6;
const rounds = 21;

interface Work {
  readonly ours: () => Promise<void>;
  readonly plain: () => void;
  readonly floor: () => void;
  readonly checks: readonly SignatureCheck[];
}

function workOf({ evidence, subject, trust, text, artefact, root }: Case, now: Instant): Work {
  const { checks } = readSignature(readBundle(evidence.bytes), subject, trust, now);
  const spki = checks[0]?.key.export({ type: "spki", format: "der" });
  const material = materialOf(root);
  return {
    ours: async () => {
      const reading = await readOne(evidence, { subject, criteria: {}, trust, now });
      if (reading.kind !== "claims") throw new Error(`${evidence.name ?? ""}: ${reading.why}`);
    },
    plain: () => {
      new Verifier(material).verify(toSignedEntity(bundleFromJSON(JSON.parse(text)), artefact));
    },
    floor: () => {
      // The signer's key is new with each bundle: importing it belongs to the floor.
      if (spki !== undefined) publicKey(spki);
      settle(checks);
    },
    checks,
  };
}

const materials = new Map<unknown, TrustMaterial>();

function materialOf(root: unknown): TrustMaterial {
  const known = materials.get(root) ?? toTrustMaterial(TrustedRoot.fromJSON(root));
  materials.set(root, known);
  return known;
}

async function milliseconds(work: () => Promise<void> | void): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** As the agent and the server ask: several files at once, so that the slow curve runs beside the reading. */
async function inFlight(works: readonly Work[]): Promise<void> {
  const left = works.values();
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (const { ours } of left) await ours();
    }),
  );
}

const lanes = 8;

const average = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;

interface Taken {
  readonly kind: string;
  readonly ours: number;
  readonly plain: number;
  readonly floor: number;
}

function report(taken: readonly Taken[], together: number, signatures: number): Result {
  const total = mean(taken);
  const kinds = [...Map.groupBy(taken, ({ kind }) => kind)];
  const times = total.plain / total.ours;
  return {
    name: "verify",
    figures: {
      bundles: taken.length,
      "bundles per second, one at a time": round(1000 / total.ours),
      "bundles per second, eight in flight": round(1000 / together),
      "bundles per second, @sigstore/verify": round(1000 / total.plain),
      "bundles per second, one at a time, if only the signatures were checked": round(1000 / total.floor),
      "signatures per bundle": round(signatures, 2),
      "times @sigstore/verify, one at a time": round(times, 2),
      "times @sigstore/verify, eight in flight": round(total.plain / together, 2),
      "times @sigstore/verify, if only the signatures were checked": round(total.plain / total.floor, 2),
      ...Object.fromEntries(kinds.map(([kind, list]) => [`times, ${kind}: ${list.length} bundles`, shown(mean(list))])),
    },
    goals: [reached("times @sigstore/verify used plainly, one at a time", times)],
  };
}

function mean(taken: readonly Taken[]): Omit<Taken, "kind"> {
  const of = (name: "ours" | "plain" | "floor"): number =>
    taken.reduce((sum, one) => sum + one[name], 0) / Math.max(1, taken.length);
  return { ours: of("ours"), plain: of("plain"), floor: of("floor") };
}

const shown = ({ ours, plain, floor }: Omit<Taken, "kind">): string =>
  `${round(plain / ours, 2)} (${round(ours, 2)} ms; ${round(floor, 2)} ms if only the signatures were checked)`;

const reached = (goal: string, got: number): Goal => ({
  goal,
  wanted: 5,
  got: round(got, 2),
  unit: "times",
  holds: got >= 5,
});
