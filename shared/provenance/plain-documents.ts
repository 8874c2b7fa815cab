import { keysOf } from "../sbom/keys.ts";
import type { Evidence } from "./format.ts";
import { Refusal } from "./refusal.ts";
import type { Said } from "./said.ts";

/** Documents of these kinds are nobody's signed word: they are shown beside a verdict and never part of one. */
export const plainKinds: ReadonlySet<string> = new Set(["cyclonedx", "spdx", "openvex"]);

/** What a document that nobody signed says it is about. */
export interface PlainReading {
  readonly kind: string;
  readonly said: readonly Said[];
}

/**
 * Documents that nobody signed and that are kept for what they tell of a subject, one line each: bills of materials, statements of
 * exploitability. Undefined: it is none of these. Throws a Refusal where it is one and cannot be read.
 */
export const plainDocuments: readonly ((evidence: Evidence) => PlainReading | undefined)[] = [billOfMaterials];

/** Filed under all that it names, so that every bill with a package in it is found by the package. */
function billOfMaterials({ bytes }: Evidence): PlainReading | undefined {
  const read = keysOf(bytes);
  if (!read.ok) {
    if (read.basis === "foreign" || !mayBeBill(bytes)) return undefined;
    throw new Refusal(read.basis, read.why);
  }
  const { kind, subjects, purls, describes } = read.keys;
  // Of a fleet's whole bill only what it describes: an index of a hundred thousand names for one document helps nobody.
  const few = purls.length <= maxNamesOfBill && subjects.length <= maxNamesOfBill;
  return { kind, said: [few ? { digests: subjects, purls } : { digests: describes.subjects, purls: describes.purls }] };
}

export const maxNamesOfBill = 20_000;

/** By the marks that each of these formats begins with; what it really is, its reader finds out. */
export const mayBeBill = (bytes: Uint8Array): boolean =>
  /"bomFormat"|spdxVersion|SPDXVersion|spdx\.org\/rdf|openvex\.dev/.test(
    Buffer.from(bytes.subarray(0, 64 * 1024)).toString("latin1"),
  );
