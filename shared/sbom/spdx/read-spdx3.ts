import { textMember } from "../../lib/bounded-json.ts";
import { canonicalPurl } from "../../ecosystems/purl.ts";
import { canonicalJson } from "../../lib/canonical-json.ts";
import type { Instant, Purl } from "../../model/ids.ts";
import { unreadable, unsupported } from "../../provenance/refusal.ts";
import { digestOf } from "../digest.ts";
import { listAt, neededText, objectOf, textAt, textOf, timeAt, type Json } from "../fields.ts";
import { checkedEdges } from "../graph.ts";
import { sbomLimits } from "../limits.ts";
import { Problems, shown } from "../problems.ts";
import type { Sbom, SbomComponent, SbomDigest, SbomEdge } from "../sbom.ts";

export const isSpdx3 = (document: Json): boolean =>
  Object.hasOwn(document, "@graph") && (textMember(document, "@context") ?? "").startsWith("https://spdx.org/rdf/3");

/**
 * SPDX 3.0 as JSON-LD in the shape that its specification fixes (one context, one flat graph): elements are found by `spdxId`, what
 * is said of them by relationships. No context is ever fetched. Throws a Refusal.
 */
export function readSpdx3(document: Json): Sbom {
  const context = textOf(document["@context"], "spdx.@context");
  const specVersion = /^https:\/\/spdx\.org\/rdf\/(3\.0\.\d+)\/spdx-context\.jsonld$/.exec(context)?.[1];
  if (specVersion === undefined) throw unsupported(`the context ${shown(context)} is not read`);
  const graph = new Graph(document);
  const root = graph.document;
  const relationships = graph.elements.flatMap((item) => relationshipsOf(item));
  const licences = licencesBy(relationships, graph);
  const components = graph.elements
    .filter(({ type }) => artefacts.test(type))
    .map((item) => componentOf(item, graph, licences));
  const refs = new Set(components.map(({ ref }) => ref));
  const described = rootsOf(root, graph, relationships);
  for (const ref of described) if (!refs.has(ref)) graph.problems.add("it describes what it does not name", ref);
  const { createdAt, tools } = creationOf(root, graph);
  return {
    format: "spdx",
    specVersion,
    id: root.id,
    subjects: components.filter(({ ref }) => described.has(ref)),
    components: components.filter(({ ref }) => !described.has(ref)),
    edges: checkedEdges(relationships.flatMap(edgeOf).filter(ownEdges(graph)), refs, graph.problems),
    tools,
    createdAt,
    problems: graph.problems.list(),
  };
}

interface Element {
  readonly id: string;
  readonly type: string;
  readonly json: Json;
  readonly where: string;
}

/** Packages of every profile, files and snippets. */
const artefacts = /^(?:software_(?:Package|File|Snippet)|ai_AIPackage|dataset_DatasetPackage)$/;

class Graph {
  readonly elements: readonly Element[];
  readonly document: Element;
  readonly problems = new Problems();
  readonly #byId = new Map<string, Element>();

  constructor(document: Json) {
    const items = listAt(document, "@graph", "spdx", sbomLimits.components + sbomLimits.edges);
    this.elements = items.flatMap((item, at) => this.#take(objectOf(item, `@graph[${at}]`), `@graph[${at}]`) ?? []);
    const documents = this.elements.filter(({ type }) => type === "SpdxDocument");
    const [only] = documents;
    if (only === undefined || documents.length > 1)
      throw unreadable(`the graph has ${documents.length} elements SpdxDocument, not one`);
    this.document = only;
    const artefactCount = this.elements.filter(({ type }) => artefacts.test(type)).length;
    if (artefactCount > sbomLimits.components)
      throw unreadable(`it names more than ${sbomLimits.components} components`);
    for (const { json, where, type } of this.elements) if (type !== "CreationInfo") this.#creation(json, where);
  }

  get(id: string): Element | undefined {
    return this.#byId.get(id);
  }

  /** Said twice in the same words is said once. */
  #take(json: Json, where: string): Element | undefined {
    const type = neededText(json, "type", where);
    // Only creation infos and other parts without a name of their own may be blank nodes.
    const id = textAt(json, "spdxId", where) ?? neededText(json, "@id", where);
    const known = this.#byId.get(id);
    if (known !== undefined) {
      if (canonicalJson(known.json) !== canonicalJson(json))
        throw unreadable(`the id ${shown(id)} stands for two things`);
      this.problems.add("an element stands in it twice", id);
      return undefined;
    }
    const element = { id, type, json, where };
    this.#byId.set(id, element);
    return element;
  }

  /** Core: every element has its creation info. */
  #creation(json: Json, where: string): void {
    const { creationInfo } = json;
    if (typeof creationInfo === "object") return;
    const ref = creationInfo === undefined ? undefined : textOf(creationInfo, `${where}.creationInfo`);
    // Parts that were written out on their own (hashes, license texts) are no elements and have none.
    if (ref === undefined && Object.hasOwn(json, "spdxId")) throw unreadable(`${where}.creationInfo is missing`);
    if (ref !== undefined && this.get(ref)?.type !== "CreationInfo")
      throw unreadable(`${where}.creationInfo leads to none`);
  }
}

interface Relationship {
  readonly from: string;
  readonly to: string;
  readonly kind: string;
}

function relationshipsOf({ type, json, where }: Element): readonly Relationship[] {
  if (type !== "Relationship" && type !== "LifecycleScopedRelationship") return [];
  const from = neededText(json, "from", where);
  const kind = neededText(json, "relationshipType", where);
  return manyAt(json, "to", where, sbomLimits.edges).map((to) => ({ from, to, kind }));
}

/** JSON-LD: a list of one may be written as the one. */
function manyAt(json: Json, name: string, where: string, most: number): readonly string[] {
  if (typeof json[name] === "string") return [neededText(json, name, where)];
  return listAt(json, name, where, most).map((value) => textOf(value, `${where}.${name}`));
}

type Licences = ReadonlyMap<string, readonly string[]>;

function licencesBy(relationships: readonly Relationship[], graph: Graph): Licences {
  const by = new Map<string, string[]>();
  for (const { from, to, kind } of relationships) {
    if (kind !== "hasDeclaredLicense" && kind !== "hasConcludedLicense") continue;
    const said = licenceOf(graph.get(to), to);
    const known = by.get(from) ?? [];
    if (said !== undefined && !known.includes(said)) by.set(from, [...known, said]);
  }
  return by;
}

function licenceOf(element: Element | undefined, id: string): string | undefined {
  if (element === undefined) return /^https:\/\/spdx\.org\/licenses\/([\w.+-]+)$/.exec(id)?.[1];
  const { json, where } = element;
  return textAt(json, "simplelicensing_licenseExpression", where) ?? textAt(json, "name", where);
}

function componentOf({ id, type, json, where }: Element, graph: Graph, licences: Licences): SbomComponent {
  const version = textAt(json, "software_packageVersion", where);
  const purl = purlOf(json, where, graph.problems);
  const supplier = supplierOf(json, where, graph);
  return {
    ref: id,
    kind: textAt(json, "software_primaryPurpose", where) ?? type,
    name: textAt(json, "name", where) ?? id,
    ...(version === undefined ? {} : { version }),
    ...(purl === undefined ? {} : { purl }),
    digests: digestsOf(json, where, graph),
    licences: licences.get(id) ?? [],
    ...(supplier === undefined ? {} : { supplier }),
  };
}

function purlOf(json: Json, where: string, problems: Problems): Purl | undefined {
  const said = listAt(json, "externalIdentifier", where, sbomLimits.perItem).flatMap((value, at) => {
    const here = `${where}.externalIdentifier[${at}]`;
    if (typeof value === "string") return [];
    const identifier = objectOf(value, here);
    return textAt(identifier, "externalIdentifierType", here) === "packageUrl"
      ? [neededText(identifier, "identifier", here)]
      : [];
  });
  const written = textAt(json, "software_packageUrl", where);
  for (const text of written === undefined ? said : [written, ...said]) {
    const purl = canonicalPurl(text);
    if (purl !== undefined) return purl;
    problems.add("a purl that is none", text);
  }
  return undefined;
}

function digestsOf(json: Json, where: string, graph: Graph): readonly SbomDigest[] {
  return listAt(json, "verifiedUsing", where, sbomLimits.perItem).flatMap((value, at) => {
    const here = `${where}.verifiedUsing[${at}]`;
    const hash = typeof value === "string" ? graph.get(value)?.json : objectOf(value, here);
    // Other methods than a plain hash (verification codes) say nothing about one file.
    if (hash === undefined || textAt(hash, "type", here) !== "Hash") return [];
    const hex = neededText(hash, "hashValue", here);
    const digest = digestOf(neededText(hash, "algorithm", here), hex);
    if (digest === undefined) graph.problems.add("a digest that is not one of its algorithm", hex);
    return digest === undefined ? [] : [digest];
  });
}

function supplierOf(json: Json, where: string, graph: Graph): string | undefined {
  const [first] = [...manyAt(json, "suppliedBy", where, 1), ...manyAt(json, "originatedBy", where, sbomLimits.perItem)];
  const agent = first === undefined ? undefined : graph.get(first);
  return agent && textAt(agent.json, "name", agent.where);
}

/** The root elements of the document; where one is an Sbom, that one's own. Documents converted from 2.3 say "describes". */
function rootsOf(root: Element, graph: Graph, relationships: readonly Relationship[]): ReadonlySet<string> {
  const found = new Set<string>();
  const seen = new Set<string>();
  const pending = [root.id];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const element = graph.get(id);
    if (element === undefined || artefacts.test(element.type)) found.add(id);
    else pending.push(...manyAt(element.json, "rootElement", element.where, sbomLimits.components));
  }
  for (const { from, to, kind } of relationships)
    if (kind === "describes" && seen.has(from) && !found.has(from)) found.add(to);
  return found;
}

function creationOf(root: Element, graph: Graph): { readonly createdAt: Instant; readonly tools: readonly string[] } {
  const { creationInfo } = root.json;
  const where = `${root.where}.creationInfo`;
  const info =
    typeof creationInfo === "string" ? graph.get(creationInfo)?.json : creationInfo && objectOf(creationInfo, where);
  if (info === undefined || info === null || typeof info !== "object") throw unreadable(`${where} is missing`);
  const creation = objectOf(info, where);
  const createdAt = timeAt(creation, "created", where);
  if (createdAt === undefined) throw unreadable(`${where}.created is missing`);
  if (!neededText(creation, "specVersion", where).startsWith("3.0"))
    throw unreadable(`${where}.specVersion is not 3.0`);
  if (manyAt(creation, "createdBy", where, sbomLimits.perItem).length === 0)
    throw unreadable(`${where}.createdBy is empty`);
  const tools = manyAt(creation, "createdUsing", where, sbomLimits.perItem).flatMap((id) => {
    const tool = graph.get(id);
    return (tool && textAt(tool.json, "name", tool.where)) ?? [];
  });
  return { createdAt, tools };
}

function edgeOf({ from, to, kind }: Relationship): readonly SbomEdge[] {
  const relation = relations[kind];
  return relation === undefined ? [] : [{ from, to, relation }];
}

/** What the document imports is named in it and lies elsewhere: no reference is broken by it. */
function ownEdges(graph: Graph): (edge: SbomEdge) => boolean {
  const { json, where } = graph.document;
  const imported = new Set(
    listAt(json, "import", where, sbomLimits.components).flatMap((item) =>
      typeof item === "string" ? [item] : [textAt(objectOf(item, `${where}.import`), "externalSpdxId", where) ?? ""],
    ),
  );
  return ({ from, to }) => !imported.has(from) && !imported.has(to);
}

/** Links are left out: in published documents both directions of hasDynamicLink are found. */
const relations: Readonly<Record<string, SbomEdge["relation"] | undefined>> = {
  dependsOn: "depends-on",
  hasPrerequisite: "depends-on",
  hasOptionalDependency: "depends-on",
  hasProvidedDependency: "depends-on",
  contains: "contains",
};
