import { isDeepStrictEqual } from "node:util";

import type { Evidence } from "@provost/shared/provenance/format.ts";
import { knownBuilders, hostedRunners } from "@provost/shared/provenance/slsa/known-builders.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import { readOne } from "@provost/shared/provenance/verify.ts";
import { formatSeeds } from "./format-seeds.ts";
import { mutantSeeds, type Seed } from "./mutant-seeds.ts";
import { evidenceOf, now, publicTrust, setResult, subjectOf, type CaseResult, type SetResult } from "./vectors.ts";

/**
 * Zero false proofs: documents that hold, changed in one byte of their text, of anything base64 inside them (certificates,
 * statements, signatures, log entries, proofs), or of the artefact. None may still carry a claim, unless the change left every value
 * of the document as it was (white space, an escape spelt otherwise).
 */
export async function mutants(count: number, seed: number): Promise<SetResult> {
  const seeds = [...mutantSeeds(), ...(await formatSeeds())];
  const random = generator(seed);
  const published = publicTrust({ builders: [...knownBuilders, ...hostedRunners] });
  const results: CaseResult[] = [];
  for (const one of seeds) {
    const trust = one.trust ?? published;
    const reading = await readOne(one.evidence, { subject: one.subject, criteria: {}, trust, now });
    results.push({ id: `${one.name} unchanged`, asExpected: reading.kind === "claims", got: reading.kind });
  }
  for (let at = 0; at < count; at += 1) {
    const one = seeds[at % seeds.length];
    if (one === undefined) break;
    const mutant = mutated(one, random);
    const trust = one.trust ?? published;
    const reading = await readOne(mutant.evidence, { subject: mutant.subject, criteria: {}, trust, now });
    const survived = reading.kind === "claims" && !(await sameMeaning(one, mutant));
    results.push({ id: `${one.name} ${mutant.how}`, asExpected: !survived, got: reading.kind });
  }
  return setResult("mutants", results);
}

interface Mutant {
  readonly how: string;
  readonly evidence: Evidence;
  readonly subject: Subject;
}

type Random = (below: number) => number;

function mutated(one: Seed, random: Random): Mutant {
  const way = one.embedded === true ? 0 : random(10);
  if (way < 3) return mutatedText(one, random);
  if (way < 9) return mutatedLeaf(one, random);
  return one.artefact === undefined ? mutatedText(one, random) : mutatedArtefact(one, one.artefact, random);
}

function mutatedText(one: Seed, random: Random): Mutant {
  const [bytes, at] = flipped(one.evidence.bytes, random);
  const subject = one.embedded === true ? subjectOf(bytes) : one.subject;
  return { how: `text byte ${at}`, evidence: evidenceOf(bytes, one.name), subject };
}

function mutatedArtefact(one: Seed, artefact: Uint8Array, random: Random): Mutant {
  const [bytes, at] = flipped(artefact, random);
  return {
    how: `artefact byte ${at}`,
    evidence: one.evidence,
    subject: subjectOf(bytes, one.subject.name === undefined ? {} : { name: one.subject.name }),
  };
}

/** One byte inside one base64 value, written back as base64: what survives JSON and is seen by the inner parsers. */
function mutatedLeaf(one: Seed, random: Random): Mutant {
  const text = Buffer.from(one.evidence.bytes).toString("utf8");
  const leaves = [...text.matchAll(/"((?:[A-Za-z0-9+/]{4}){4,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)"/g)];
  const leaf = leaves[random(leaves.length)];
  if (leaf?.[1] === undefined) return mutatedText(one, random);
  const [bytes, at] = flipped(Buffer.from(leaf[1], "base64"), random);
  const changed = `${text.slice(0, leaf.index + 1)}${Buffer.from(bytes).toString("base64")}${text.slice(leaf.index + 1 + leaf[1].length)}`;
  return {
    how: `value at ${leaf.index} byte ${at}`,
    evidence: evidenceOf(Buffer.from(changed), one.name),
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
  if (one.meaning !== undefined)
    return (await one.meaning(mutant.evidence.bytes)) === (await one.meaning(one.evidence.bytes));
  const [before, after] = [one.evidence, mutant.evidence].map(({ bytes }) => {
    try {
      return { value: JSON.parse(Buffer.from(bytes).toString("utf8")) as unknown };
    } catch {
      return undefined;
    }
  });
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
