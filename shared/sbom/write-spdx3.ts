import { createHash } from "node:crypto";
import { orderedBill, timeText, type Bill, type BillItem, type OrderedBill } from "./bill.ts";
import { expressionOf } from "./licence.ts";

/** SPDX 3.0.1 as JSON-LD: one flat graph with the profiles core, software and, for our properties, extension. */
export function writeSpdx3(unordered: Bill): object {
  const bill = orderedBill(unordered);
  const name = naming(bill);
  const all = [bill.subject, ...bill.items];
  const expressions = [
    ...new Set(all.flatMap(({ licence }) => (licence === undefined ? [] : (expressionOf(licence) ?? [])))),
  ];
  const suppliers = [...new Set(all.flatMap(({ supplier }) => supplier ?? []))];
  return {
    "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
    "@graph": [
      {
        type: "CreationInfo",
        "@id": creationInfo,
        specVersion: "3.0.1",
        created: timeText(bill.createdAt),
        createdBy: [name("agent", "provost")],
        createdUsing: [name("tool", "provost")],
      },
      element("SoftwareAgent", name("agent", "provost"), { name: bill.tool.name }),
      element("Tool", name("tool", "provost"), { name: `${bill.tool.name} ${bill.tool.version}` }),
      ...suppliers.map((supplier) => element("Organization", name("supplier", supplier), { name: supplier })),
      element("SpdxDocument", name("document", ""), {
        profileConformance: ["core", "software", "simpleLicensing", "extension"],
        rootElement: [name("sbom", "")],
      }),
      element("software_Sbom", name("sbom", ""), {
        software_sbomType: [bill.madeFrom === "deployed" ? "deployed" : "analyzed"],
        rootElement: [name("item", bill.subject.ref)],
      }),
      ...all.map((item) => artefact(item, name)),
      ...expressions.map((text) =>
        element("simplelicensing_LicenseExpression", name("licence", text), {
          simplelicensing_licenseExpression: text,
        }),
      ),
      ...relationships(bill, name),
    ],
  };
}

const creationInfo = "_:creation";

type Naming = (kind: string, of: string) => string;

const naming =
  ({ serial }: OrderedBill): Naming =>
  (kind, of) =>
    `urn:uuid:${serial}#${kind}${of === "" ? "" : `-${createHash("sha256").update(of).digest("hex").slice(0, 32)}`}`;

const element = (type: string, spdxId: string, more: object): object => ({ type, spdxId, creationInfo, ...more });

function artefact(item: BillItem, name: Naming): object {
  const properties = [
    ...(item.licence === undefined || expressionOf(item.licence) !== undefined
      ? []
      : [["provost:licence", item.licence] as const]),
    ...(item.location === undefined ? [] : [["provost:location", item.location] as const]),
    ...item.properties,
  ];
  return element(item.kind === "file" ? "software_File" : "software_Package", name("item", item.ref), {
    name: item.name,
    ...(item.kind === "file" ? {} : packageMembers(item)),
    software_primaryPurpose: item.kind === "folder" ? "application" : item.kind,
    ...(item.supplier === undefined ? {} : { suppliedBy: name("supplier", item.supplier) }),
    ...(item.digests.length === 0
      ? {}
      : {
          verifiedUsing: item.digests.map(({ algorithm, hex }) => ({ type: "Hash", algorithm, hashValue: hex })),
        }),
    ...(item.evidence.length === 0
      ? {}
      : {
          externalRef: item.evidence.map(({ sha256, says }) => ({
            type: "ExternalRef",
            externalRefType: "other",
            locator: [`urn:sha256:${sha256}`],
            comment: says,
          })),
        }),
    ...(properties.length === 0 ? {} : { extension: [extension(properties)] }),
  });
}

const packageMembers = ({ version, purl }: BillItem): object => ({
  ...(version === undefined ? {} : { software_packageVersion: version }),
  ...(purl === undefined ? {} : { software_packageUrl: purl }),
});

const extension = (properties: BillItem["properties"]): object => ({
  type: "extension_CdxPropertiesExtension",
  extension_cdxProperty: properties.map(([name, value]) => ({
    type: "extension_CdxPropertyEntry",
    extension_cdxPropName: name,
    extension_cdxPropValue: value,
  })),
});

function relationships({ subject, items }: OrderedBill, name: Naming): readonly object[] {
  const related = (from: string, relationshipType: string, to: readonly string[], completeness: string): object =>
    element("Relationship", name("relationship", `${from} ${relationshipType}`), {
      from: name("item", from),
      relationshipType,
      to: to.map((ref) => name("item", ref)),
      completeness,
    });
  const licensed = [subject, ...items].flatMap(({ ref, licence }) => {
    const text = licence === undefined ? undefined : expressionOf(licence);
    return text === undefined ? [] : [{ ref, text }];
  });
  const inside = Map.groupBy(items, (item) => item.inside ?? subject.ref);
  return [
    ...[...inside].map(([holder, parts]) =>
      related(
        holder,
        "contains",
        parts.map(({ ref }) => ref),
        "incomplete",
      ),
    ),
    ...[subject, ...items].flatMap(({ ref, dependsOn = [] }) =>
      dependsOn.length === 0 ? [] : [related(ref, "dependsOn", dependsOn, "incomplete")],
    ),
    ...licensed.map(({ ref, text }) =>
      element("Relationship", name("relationship", `${ref} hasDeclaredLicense`), {
        from: name("item", ref),
        relationshipType: "hasDeclaredLicense",
        to: [name("licence", text)],
      }),
    ),
  ];
}
