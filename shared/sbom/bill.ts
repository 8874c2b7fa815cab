import { createHash } from "node:crypto";
import { canonicalJson } from "../lib/canonical-json.ts";
import type { Instant, Purl } from "../model/ids.ts";
import type { SbomDigest } from "./sbom.ts";

/** What is to be written as a bill of materials, before it takes any format. */
export interface Bill {
  readonly subject: BillItem;
  readonly items: readonly BillItem[];
  /** How the list came about: looked at where it is installed, or read out of one built file. */
  readonly madeFrom: "deployed" | "build";
  readonly createdAt: Instant;
  /** A UUID; without one it is derived from the content, so that the same content has the same name. */
  readonly serial?: string;
  readonly tool: { readonly name: string; readonly version: string };
}

export interface BillItem {
  /** Unique in its bill. */
  readonly ref: string;
  readonly kind: "device" | "application" | "library" | "file" | "folder";
  readonly name: string;
  readonly version?: string;
  readonly purl?: Purl;
  readonly digests: readonly SbomDigest[];
  readonly supplier?: string;
  /** As its author declares it. */
  readonly licence?: string;
  /** Where it lies, as path text. */
  readonly location?: string;
  /** The item it is part of; the subject itself where that is none. */
  readonly inside?: string;
  readonly dependsOn?: readonly string[];
  /** Names begin with "provost:". */
  readonly properties: readonly (readonly [name: string, value: string])[];
  readonly evidence: readonly BillEvidence[];
}

/** A document that speaks for the item, by the digest of its bytes. */
export interface BillEvidence {
  readonly sha256: string;
  readonly says: string;
}

export type OrderedBill = Bill & { readonly serial: string };

/** Sorted, each item inside something that is there, and with a name of its own: the same content gives the same bytes. */
export function orderedBill(bill: Bill): OrderedBill {
  const refs = new Set([bill.subject.ref, ...bill.items.map(({ ref }) => ref)]);
  if (refs.size !== bill.items.length + 1) throw new TypeError("two items of a bill have the same ref");
  const ordered = (item: BillItem): BillItem => ({
    ...item,
    dependsOn: [...new Set(item.dependsOn ?? [])].filter((ref) => refs.has(ref)).toSorted(byText),
    digests: item.digests.toSorted((a, b) => byText(a.algorithm, b.algorithm)),
    properties: item.properties.toSorted((a, b) => byText(a[0], b[0]) || byText(a[1], b[1])),
    evidence: item.evidence.toSorted((a, b) => byText(a.sha256, b.sha256)),
  });
  const subject = ordered(bill.subject);
  const items = bill.items
    .map((item): BillItem => ({
      ...ordered(item),
      inside: item.inside !== undefined && refs.has(item.inside) ? item.inside : subject.ref,
    }))
    .toSorted((a, b) => byText(a.ref, b.ref));
  return { ...bill, subject, items, serial: bill.serial ?? serialOf(subject, items, bill.tool) };
}

/** By UTF-16 code unit: no locale of the machine that writes it. */
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** RFC 9562 5.8: version 8 leaves the bits to us; they are the content's digest. The time is no part of the content. */
function serialOf(...content: readonly unknown[]): string {
  const bytes = createHash("sha256").update(canonicalJson(content)).digest().subarray(0, 16);
  bytes[6] = 0x80 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** RFC 3339 to the second, which is all that every format allows. */
export const timeText = (time: Instant): string => new Date(time).toISOString().replace(/\.\d{3}Z$/, "Z");
