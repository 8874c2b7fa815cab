import { isDeepStrictEqual } from "node:util";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { Evidence } from "@provost/shared/provenance/format.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import { readOne } from "@provost/shared/provenance/verify.ts";
import { jsonValue } from "./json-value.ts";
import { mutantSeeds, type Seed } from "./mutant-seeds.ts";
import { evidenceOf, now, setResult, subjectOf, type CaseResult, type SetResult } from "./vectors.ts";

/**
 * Zero false proofs: documents that hold, changed in one byte of their text, of anything base64 inside them (certificates and
 * statements in turn with the rest: signatures, log entries, proofs), or of the artefact. None may still carry a claim, unless the
 * change left what the document says as it was (white space, an escape spelt otherwise).
 */
export async function mutants(count: number, seed: number): Promise<SetResult> {
  const targets = (await mutantSeeds()).map((one) => ({ seed: one, parts: partsOf(one) }));
  const random = generator(seed);
  const results: CaseResult[] = [];
  const counts: Record<string, Record<string, number>> = {};
  for (const { seed: one } of targets) {
    const reading = await readOne(one.evidence, { ...one, criteria: {}, now });
    const why = reading.kind === "claims" ? "" : `: ${reading.why}`;
    results.push({ id: `${one.name} unchanged`, asExpected: reading.kind === "claims", got: `${reading.kind}${why}` });
  }
  for (let at = 0; at < count; at += 1) {
    const target = targets[at % targets.length];
    // Each turn of a seed takes the next of its parts, so that a small part is changed as often as a large one.
    const part = target?.parts[Math.floor(at / targets.length) % target.parts.length];
    if (target === undefined || part === undefined) break;
    const { seed: one } = target;
    const mutant = mutated(one, part, random);
    const reading = await readOne(mutant.evidence, { subject: mutant.subject, criteria: {}, trust: one.trust, now });
    const survived = reading.kind === "claims" && !(await sameMeaning(one, mutant));
    results.push({ id: `${one.name} ${mutant.how}`, asExpected: !survived, got: reading.kind });
    const ofFormat = (counts[one.format] ??= {});
    ofFormat[part.kind] = (ofFormat[part.kind] ?? 0) + 1;
  }
  return { ...setResult("mutants", results), counts };
}

/** What of a seed is changed: the text as it is, one kind of the values that are base64 inside it, or the file it is about. */
type Part =
  | { readonly kind: "document" }
  | { readonly kind: "certificate" | "statement" | "other values"; readonly values: readonly Value[] }
  | { readonly kind: "artefact"; readonly bytes: Uint8Array };

interface Value {
  readonly at: number;
  readonly text: string;
}

function partsOf({ evidence, artefact, embedded }: Seed): readonly Part[] {
  if (embedded === true) return [{ kind: "document" }];
  const text = Buffer.from(evidence.bytes).toString("latin1");
  const found = [...text.matchAll(/"((?:[A-Za-z0-9+/_-]{4}){4,}(?:[A-Za-z0-9+/_-]{2}==|[A-Za-z0-9+/_-]{3}=)?)"/g)];
  const values = Map.groupBy(
    found.map(({ index, 1: value = "" }): Value => ({ at: index + 1, text: value })),
    ({ text: value }) => kindOf(Buffer.from(value, "base64")),
  );
  return [
    { kind: "document" },
    ...[...values].map(([kind, list]): Part => ({ kind, values: list })),
    ...(artefact === undefined ? [] : [{ kind: "artefact", bytes: artefact } as const]),
  ];
}

function kindOf(bytes: Buffer): "certificate" | "statement" | "other values" {
  if (bytes.includes('"_type"')) return "statement";
  // A DER sequence of sequences with a version 3 inside, or its PEM.
  const isCertificate = bytes.subarray(0, 16).includes(Buffer.from("a003020102", "hex"));
  return isCertificate || bytes.includes("BEGIN CERTIFICATE-") ? "certificate" : "other values";
}

interface Mutant {
  readonly how: string;
  readonly evidence: Evidence;
  readonly subject: Subject;
}

type Random = (below: number) => number;

function mutated(one: Seed, part: Part, random: Random): Mutant {
  switch (part.kind) {
    case "document": {
      const [bytes, at] = flipped(one.evidence.bytes, random);
      const subject = one.embedded === true ? subjectOf(bytes, { bytes }) : one.subject;
      return { how: `text byte ${at}`, evidence: evidenceOf(bytes, one.name), subject };
    }
    case "artefact": {
      const [bytes, at] = flipped(part.bytes, random);
      const { name, bytes: known } = one.subject;
      const more = { ...(name === undefined ? {} : { name }), ...(known === undefined ? {} : { bytes }) };
      return { how: `artefact byte ${at}`, evidence: one.evidence, subject: subjectOf(bytes, more) };
    }
    case "certificate":
    case "statement":
    case "other values":
      return mutatedValue(one, part.values[random(part.values.length)] ?? { at: 0, text: "" }, random);
    default:
      return unreachable(part);
  }
}

/** One byte inside one base64 value, written back in its own alphabet: what survives JSON and is seen by the inner parsers. */
function mutatedValue(one: Seed, { at, text }: Value, random: Random): Mutant {
  const [bytes, changed] = flipped(Buffer.from(text, "base64"), random);
  const encoded = Buffer.from(bytes).toString("base64");
  const spelt = /[-_]/.test(text) ? encoded.replace(/\+/g, "-").replace(/\//g, "_") : encoded;
  const document = Buffer.from(one.evidence.bytes).toString("latin1");
  const mutant = `${document.slice(0, at)}${spelt}${document.slice(at + text.length)}`;
  return {
    how: `value at ${at} byte ${changed}`,
    evidence: evidenceOf(Buffer.from(mutant, "latin1"), one.name),
    subject: one.subject,
  };
}

function flipped(bytes: Uint8Array, random: Random): readonly [Uint8Array, number] {
  const copy = Uint8Array.from(bytes);
  const at = random(copy.length);
  copy[at] = (copy[at] ?? 0) ^ (1 + random(255));
  return [copy, at];
}

async function sameMeaning(one: Seed, mutant: Mutant): Promise<boolean> {
  if (mutant.evidence === one.evidence) return false;
  const meaning = one.meaning ?? jsonValue;
  const [before, after] = [await meaning(one.evidence.bytes), await meaning(mutant.evidence.bytes)];
  return before !== undefined && isDeepStrictEqual(before, after);
}

/** mulberry32: a run is repeated by its seed. */
function generator(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(1, below);
  };
}
