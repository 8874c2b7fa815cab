import { orderedBill, timeText, type Bill, type BillItem, type OrderedBill } from "./bill.ts";

import { licenceOf } from "./licence.ts";

export type WrittenCycloneDx = "1.6" | "1.7";

/** CycloneDX as JSON: what stands inside what is nested, what is not known of dependencies is said to be unknown. */
export function writeCycloneDx(unordered: Bill, specVersion: WrittenCycloneDx): object {
  const bill = orderedBill(unordered);
  const inside = Map.groupBy(bill.items, (item) => item.inside ?? bill.subject.ref);
  return {
    $schema: `http://cyclonedx.org/schema/bom-${specVersion}.schema.json`,
    bomFormat: "CycloneDX",
    specVersion,
    serialNumber: `urn:uuid:${bill.serial}`,
    version: 1,
    metadata: {
      timestamp: timeText(bill.createdAt),
      lifecycles: [{ phase: bill.madeFrom === "deployed" ? "operations" : "post-build" }],
      tools: { components: [{ type: "application", ...bill.tool }] },
      component: component(bill.subject, new Map()),
    },
    components: (inside.get(bill.subject.ref) ?? []).map((item) => component(item, inside)),
    dependencies: dependencies(bill),
    compositions: compositions(bill),
  };
}

type Inside = ReadonlyMap<string, readonly BillItem[]>;

function component(item: BillItem, inside: Inside): object {
  const parts = inside.get(item.ref) ?? [];
  return {
    type: item.kind === "folder" ? "application" : item.kind,
    "bom-ref": item.ref,
    ...(item.supplier === undefined ? {} : { supplier: { name: item.supplier } }),
    name: item.name,
    ...(item.version === undefined ? {} : { version: item.version }),
    ...(item.digests.length === 0 ? {} : { hashes: item.digests.map(hash) }),
    ...(item.licence === undefined ? {} : { licenses: [licence(item.licence)] }),
    ...(item.purl === undefined ? {} : { purl: item.purl }),
    ...(item.evidence.length === 0 ? {} : { externalReferences: item.evidence.map(reference) }),
    ...(parts.length === 0 ? {} : { components: parts.map((part) => component(part, inside)) }),
    ...(item.location === undefined ? {} : { evidence: { occurrences: [{ location: item.location }] } }),
    ...(item.properties.length === 0 ? {} : { properties: item.properties.map(([name, value]) => ({ name, value })) }),
  };
}

const hash = ({ algorithm, hex }: BillItem["digests"][number]): object => ({
  alg: algorithm === "md5" ? "MD5" : algorithm.replace(/^sha(?=\d)/, "SHA-"),
  content: hex,
});

function licence(written: string): object {
  const { kind, text } = licenceOf(written);
  return kind === "expression" ? { expression: text } : { license: { [kind]: text } };
}

/** The bytes are found by their digest in the evidence library, wherever that is. */
const reference = ({ sha256, says }: BillItem["evidence"][number]): object => ({
  type: "evidence",
  url: `urn:sha256:${sha256}`,
  comment: says,
  hashes: [{ alg: "SHA-256", content: sha256 }],
});

const known = ({ subject, items }: OrderedBill): readonly BillItem[] =>
  [subject, ...items].filter(({ dependsOn = [] }) => dependsOn.length > 0);

const dependencies = (bill: OrderedBill): readonly object[] =>
  known(bill).map(({ ref, dependsOn = [] }) => ({ ref, dependsOn }));

/** An empty list of dependencies would read as "has none". */
function compositions(bill: OrderedBill): readonly object[] {
  const told = new Set(known(bill).map(({ ref }) => ref));
  const unknown = [bill.subject, ...bill.items].filter(({ ref, kind }) => !told.has(ref) && kind !== "file");
  return unknown.length === 0 ? [] : [{ aggregate: "unknown", dependencies: unknown.map(({ ref }) => ref) }];
}
