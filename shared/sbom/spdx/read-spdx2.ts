import { canonicalPurl } from "../../ecosystems/purl.ts";
import type { Purl } from "../../model/ids.ts";
import { unreadable, unsupported } from "../../provenance/refusal.ts";
import { digestOf } from "../digest.ts";
import { listAt, neededText, objectOf, textAt, textOf, timeAt, type Json } from "../fields.ts";
import { checkedEdges } from "../graph.ts";
import { sbomLimits } from "../limits.ts";
import { Problems, shown } from "../problems.ts";
import type { Sbom, SbomComponent, SbomDigest, SbomEdge } from "../sbom.ts";

export const isSpdx2 = (document: Json): boolean => Object.hasOwn(document, "spdxVersion");

/** SPDX 2.2 and 2.3 as JSON, or as tag-value brought into the same shape. Throws a Refusal. */
export function readSpdx2(document: Json): Sbom {
  const written = neededText(document, "spdxVersion", "spdx");
  const specVersion = /^SPDX-(2\.[23])$/.exec(written)?.[1];
  if (specVersion === undefined) throw unsupported(`${shown(written)} is not read`);
  if (neededText(document, "SPDXID", "spdx") !== documentRef) throw unreadable(`spdx.SPDXID is not ${documentRef}`);
  if (neededText(document, "dataLicense", "spdx") !== "CC0-1.0") throw unreadable("spdx.dataLicense is not CC0-1.0");
  neededText(document, "name", "spdx");
  const creation = objectOf(document["creationInfo"], "spdx.creationInfo");
  const createdAt = timeAt(creation, "created", "spdx.creationInfo");
  if (createdAt === undefined) throw unreadable("spdx.creationInfo.created is missing");
  const found = new Found();
  for (const [list, kind] of kinds) found.takeAll(document, list, kind);
  const relationships = relationshipsOf(document);
  const described = new Set([
    ...listAt(document, "documentDescribes", "spdx", sbomLimits.components).map((ref) =>
      textOf(ref, "spdx.documentDescribes"),
    ),
    ...relationships.flatMap(({ from, to, kind }) =>
      kind === "DESCRIBES" && from === documentRef ? [to] : kind === "DESCRIBED_BY" && to === documentRef ? [from] : [],
    ),
  ]);
  for (const ref of described) if (!found.refs.has(ref)) found.problems.add("it describes what it does not name", ref);
  const id = textAt(document, "documentNamespace", "spdx");
  return {
    format: "spdx",
    specVersion,
    ...(id === undefined ? {} : { id }),
    subjects: found.components.filter(({ ref }) => described.has(ref)),
    components: found.components.filter(({ ref }) => !described.has(ref)),
    edges: checkedEdges(relationships.flatMap(edgeOf), found.refs, found.problems),
    tools: toolsOf(creation),
    createdAt,
    problems: found.problems.list(),
  };
}

const documentRef = "SPDXRef-DOCUMENT";
const kinds = [
  ["packages", "package"],
  ["files", "file"],
] as const;
type Kind = (typeof kinds)[number][1];

class Found {
  readonly components: SbomComponent[] = [];
  readonly refs = new Set<string>();
  readonly problems = new Problems();

  takeAll(document: Json, list: string, kind: Kind): void {
    const left = sbomLimits.components - this.components.length;
    for (const [at, item] of listAt(document, list, "spdx", left).entries()) {
      const component = this.#read(objectOf(item, `${list}[${at}]`), `${list}[${at}]`, kind);
      if (this.refs.has(component.ref)) throw unreadable(`the SPDXID ${shown(component.ref)} stands for two things`);
      this.refs.add(component.ref);
      this.components.push(component);
    }
  }

  #read(item: Json, where: string, kind: Kind): SbomComponent {
    const ref = neededText(item, "SPDXID", where);
    if (!/^SPDXRef-[A-Za-z0-9.-]+$/.test(ref)) throw unreadable(`${where}.SPDXID ${shown(ref)} is none`);
    // SPDX 2.3 7.7: mandatory, NOASSERTION where nobody knows.
    if (kind === "package") neededText(item, "downloadLocation", where);
    const version = textAt(item, "versionInfo", where);
    const purl = this.#purl(item, where);
    const supplier = partyOf(textAt(item, "supplier", where) ?? textAt(item, "originator", where));
    return {
      ref,
      kind: kind === "file" ? "file" : (textAt(item, "primaryPackagePurpose", where) ?? "package"),
      name: neededText(item, kind === "file" ? "fileName" : "name", where),
      ...(version === undefined ? {} : { version }),
      ...(purl === undefined ? {} : { purl }),
      digests: this.#digests(item, where),
      licences: licencesOf(item, where),
      ...(supplier === undefined ? {} : { supplier }),
    };
  }

  #digests(item: Json, where: string): readonly SbomDigest[] {
    return listAt(item, "checksums", where, sbomLimits.perItem).flatMap((value, at) => {
      const checksum = objectOf(value, `${where}.checksums[${at}]`);
      const hex = neededText(checksum, "checksumValue", `${where}.checksums[${at}]`);
      const digest = digestOf(neededText(checksum, "algorithm", `${where}.checksums[${at}]`), hex);
      if (digest === undefined) this.problems.add("a digest that is not one of its algorithm", hex);
      return digest === undefined ? [] : [digest];
    });
  }

  #purl(item: Json, where: string): Purl | undefined {
    for (const [at, value] of listAt(item, "externalRefs", where, sbomLimits.perItem).entries()) {
      const reference = objectOf(value, `${where}.externalRefs[${at}]`);
      if (neededText(reference, "referenceType", `${where}.externalRefs[${at}]`) !== "purl") continue;
      const written = neededText(reference, "referenceLocator", `${where}.externalRefs[${at}]`);
      const purl = canonicalPurl(written);
      if (purl !== undefined) return purl;
      this.problems.add("a purl that is none", written);
    }
    return undefined;
  }
}

const saysNothing = new Set(["NOASSERTION", "NONE"]);

function licencesOf(item: Json, where: string): readonly string[] {
  const said = ["licenseDeclared", "licenseConcluded"].flatMap((name) => textAt(item, name, where) ?? []);
  return [...new Set(said.filter((one) => !saysNothing.has(one)))];
}

/** "Organization: Debian (debian@example.org)" */
function partyOf(written: string | undefined): string | undefined {
  if (written === undefined || saysNothing.has(written)) return undefined;
  return written.replace(/^(?:Organization|Person|Tool):\s*/, "");
}

interface Relationship {
  readonly from: string;
  readonly to: string;
  readonly kind: string;
}

function relationshipsOf(document: Json): readonly Relationship[] {
  return listAt(document, "relationships", "spdx", sbomLimits.edges).map((item, at) => {
    const relationship = objectOf(item, `relationships[${at}]`);
    return {
      from: neededText(relationship, "spdxElementId", `relationships[${at}]`),
      to: neededText(relationship, "relatedSpdxElement", `relationships[${at}]`),
      kind: neededText(relationship, "relationshipType", `relationships[${at}]`),
    };
  });
}

/** What leads into another document, or to "nothing known", is no edge of this one. */
function edgeOf({ from, to, kind }: Relationship): readonly SbomEdge[] {
  if ([from, to].some((ref) => saysNothing.has(ref) || ref.startsWith("DocumentRef-") || ref === documentRef))
    return [];
  const forward = relations[kind];
  if (forward !== undefined) return [{ from, to, relation: forward }];
  const backward = reversed[kind];
  return backward === undefined ? [] : [{ from: to, to: from, relation: backward }];
}

/** Links are left out: in published documents both directions of DYNAMIC_LINK are found. */
type Relations = Readonly<Record<string, SbomEdge["relation"] | undefined>>;
const relations: Relations = {
  DEPENDS_ON: "depends-on",
  HAS_PREREQUISITE: "depends-on",
  CONTAINS: "contains",
};
const reversed: Relations = {
  DEPENDENCY_OF: "depends-on",
  RUNTIME_DEPENDENCY_OF: "depends-on",
  BUILD_DEPENDENCY_OF: "depends-on",
  DEV_DEPENDENCY_OF: "depends-on",
  OPTIONAL_DEPENDENCY_OF: "depends-on",
  PREREQUISITE_FOR: "depends-on",
  CONTAINED_BY: "contains",
};

function toolsOf(creation: Json): readonly string[] {
  const creators = listAt(creation, "creators", "spdx.creationInfo", sbomLimits.perItem);
  if (creators.length === 0) throw unreadable("spdx.creationInfo.creators is empty");
  return creators.flatMap((value) => {
    const creator = textOf(value, "spdx.creationInfo.creators");
    return creator.startsWith("Tool:") ? [creator.slice(5).trim()] : [];
  });
}
