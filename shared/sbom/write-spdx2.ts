import { createHash } from "node:crypto";
import { orderedBill, timeText, type Bill, type BillItem, type OrderedBill } from "./bill.ts";
import { expressionOf } from "./licence.ts";

/**
 * SPDX 2.3 as JSON. Files are packages whose purpose is FILE: a File of SPDX must come with its SHA-1 (8.4), which nobody should
 * have to compute any more.
 */
export function writeSpdx2(unordered: Bill): object {
  const bill = orderedBill(unordered);
  const created = timeText(bill.createdAt);
  const tool = `Tool: ${bill.tool.name}-${bill.tool.version}`;
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: bill.subject.name,
    documentNamespace: `urn:uuid:${bill.serial}`,
    creationInfo: { created, creators: [tool] },
    packages: [bill.subject, ...bill.items].map((item) => packageOf(item, tool, created)),
    relationships: relationships(bill),
  };
}

function packageOf(item: BillItem, annotator: string, annotationDate: string): object {
  const declared = item.licence === undefined ? undefined : expressionOf(item.licence);
  const said = [
    ...(item.licence === undefined || declared !== undefined ? [] : [["provost:licence", item.licence] as const]),
    ...(item.location === undefined ? [] : [["provost:location", item.location] as const]),
    ...item.properties,
  ].map(([name, value]) => `${name}=${value}`);
  return {
    SPDXID: idOf(item.ref),
    name: item.name,
    ...(item.version === undefined ? {} : { versionInfo: item.version }),
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    primaryPackagePurpose: purposes[item.kind],
    ...(item.supplier === undefined ? {} : { supplier: `Organization: ${item.supplier}` }),
    ...(declared === undefined ? {} : { licenseDeclared: declared }),
    ...(item.digests.length === 0 ? {} : { checksums: item.digests.map(checksum) }),
    ...(item.purl === undefined && item.evidence.length === 0 ? {} : { externalRefs: externalRefs(item) }),
    ...(said.length === 0
      ? {}
      : { annotations: [{ annotationDate, annotationType: "OTHER", annotator, comment: said.join("\n") }] }),
  };
}

/** SPDX 2.3 7.2: letters, digits, "." and "-". What a reference is made of has other characters, so it is its digest. */
const idOf = (ref: string): string => `SPDXRef-${createHash("sha256").update(ref).digest("hex").slice(0, 32)}`;

const purposes: Readonly<Record<BillItem["kind"], string>> = {
  device: "DEVICE",
  application: "APPLICATION",
  library: "LIBRARY",
  file: "FILE",
  folder: "APPLICATION",
};

const checksum = ({ algorithm, hex }: BillItem["digests"][number]): object => ({
  algorithm: algorithm.toUpperCase(),
  checksumValue: hex,
});

const externalRefs = ({ purl, evidence }: BillItem): readonly object[] => [
  ...(purl === undefined
    ? []
    : [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl }]),
  ...evidence.map(({ sha256, says }) => ({
    referenceCategory: "OTHER",
    referenceType: "evidence",
    referenceLocator: `urn:sha256:${sha256}`,
    comment: says,
  })),
];

function relationships({ subject, items }: OrderedBill): readonly object[] {
  const related = (from: string, relationshipType: string, to: string): object => ({
    spdxElementId: from,
    relationshipType,
    relatedSpdxElement: to,
  });
  return [
    related("SPDXRef-DOCUMENT", "DESCRIBES", idOf(subject.ref)),
    ...items.map((item) => related(idOf(item.inside ?? subject.ref), "CONTAINS", idOf(item.ref))),
    ...[subject, ...items].flatMap(({ ref, dependsOn = [] }) =>
      dependsOn.map((to) => related(idOf(ref), "DEPENDS_ON", idOf(to))),
    ),
  ];
}
