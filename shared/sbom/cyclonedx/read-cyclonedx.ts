import { canonicalPurl } from "../../ecosystems/purl.ts";
import { textMember } from "../../lib/bounded-json.ts";
import { unreadable, unsupported } from "../../provenance/refusal.ts";
import { digestOf } from "../digest.ts";
import { listAt, neededText, objectAt, objectOf, textAt, textOf, timeAt, type Json } from "../fields.ts";
import { checkedEdges } from "../graph.ts";
import { sbomLimits } from "../limits.ts";
import { Problems, shown } from "../problems.ts";
import type { Sbom, SbomComponent, SbomDigest, SbomEdge } from "../sbom.ts";

export const cycloneDxVersions = ["1.4", "1.5", "1.6", "1.7"] as const;
export type CycloneDxVersion = (typeof cycloneDxVersions)[number];

export const isCycloneDx = (document: Json): boolean =>
  Object.hasOwn(document, "bomFormat") || /\/bom-1\.\d\.schema\.json$/.test(textMember(document, "$schema") ?? "");

/** CycloneDX 1.4 to 1.7 in JSON. Throws a Refusal. */
export function readCycloneDx(document: Json): Sbom {
  const specVersion = cycloneDxVersion(document);
  const metadata = objectAt(document, "metadata", "bom") ?? {};
  const found = new Found();
  const described = objectAt(metadata, "component", "metadata");
  const subjects = described === undefined ? [] : [found.take(described, "metadata.component")];
  found.takeAll(document, "components", "bom");
  for (const service of servicesOf(document)) found.name(service);
  const id = textAt(document, "serialNumber", "bom");
  const createdAt = timeAt(metadata, "timestamp", "metadata");
  return {
    format: "cyclonedx",
    specVersion,
    ...(id === undefined ? {} : { id }),
    subjects,
    components: found.components.filter((one) => one !== subjects[0]),
    edges: checkedEdges([...found.edges, ...dependenciesOf(document)], found.refs, found.problems),
    tools: toolsOf(metadata),
    ...(createdAt === undefined ? {} : { createdAt }),
    problems: found.problems.list(),
  };
}

export function cycloneDxVersion(document: Json): CycloneDxVersion {
  if (document["bomFormat"] !== "CycloneDX") throw unreadable('bomFormat is not "CycloneDX"');
  const version = neededText(document, "specVersion", "bom");
  const known = cycloneDxVersions.find((one) => one === version);
  if (known === undefined) throw unsupported(`CycloneDX ${shown(version)} is not read`);
  return known;
}

/** Components in the order they stand, those inside others after the one that holds them. */
class Found {
  readonly components: SbomComponent[] = [];
  readonly edges: SbomEdge[] = [];
  readonly refs = new Set<string>();
  readonly problems = new Problems();

  take(document: Json, where: string): SbomComponent {
    const component = this.#read(document, where);
    this.components.push(component);
    if (this.components.length > sbomLimits.components)
      throw unreadable(`it names more than ${sbomLimits.components} components`);
    this.takeAll(document, "components", where, component.ref);
    return component;
  }

  takeAll(parent: Json, name: string, where: string, holder?: string): void {
    for (const [at, item] of listAt(parent, name, where, sbomLimits.components).entries()) {
      const { ref } = this.take(objectOf(item, `${where}.${name}[${at}]`), `${where}.${name}[${at}]`);
      if (holder !== undefined) this.edges.push({ from: holder, to: ref, relation: "contains" });
    }
  }

  /** CycloneDX: every bom-ref must be unique within the BOM. Which of two is meant nobody could say. */
  name(ref: string): void {
    if (this.refs.has(ref)) throw unreadable(`the bom-ref ${shown(ref)} stands for two things`);
    this.refs.add(ref);
  }

  #read(document: Json, where: string): SbomComponent {
    const given = textAt(document, "bom-ref", where);
    // A component without a name of its own cannot be referred to; it gets the place where it stands.
    const ref = given ?? where;
    this.name(ref);
    const group = textAt(document, "group", where);
    const version = textAt(document, "version", where);
    const written = textAt(document, "purl", where);
    const purl = written === undefined ? undefined : canonicalPurl(written);
    if (written !== undefined && purl === undefined) this.problems.add("a purl that is none", written);
    const supplier = supplierOf(document, where);
    const name = neededText(document, "name", where);
    return {
      ref,
      kind: neededText(document, "type", where),
      name: group === undefined ? name : `${group}/${name}`,
      ...(version === undefined ? {} : { version }),
      ...(purl === undefined ? {} : { purl }),
      digests: this.#digests(document, where),
      licences: licencesOf(document, where),
      ...(supplier === undefined ? {} : { supplier }),
    };
  }

  #digests(document: Json, where: string): readonly SbomDigest[] {
    return listAt(document, "hashes", where, sbomLimits.perItem).flatMap((item, at) => {
      const hash = objectOf(item, `${where}.hashes[${at}]`);
      const value = neededText(hash, "content", `${where}.hashes[${at}]`);
      const digest = digestOf(neededText(hash, "alg", `${where}.hashes[${at}]`), value);
      if (digest === undefined) this.problems.add("a digest that is not one of its algorithm", value);
      return digest === undefined ? [] : [digest];
    });
  }
}

function supplierOf(component: Json, where: string): string | undefined {
  for (const name of ["supplier", "manufacturer"]) {
    const organisation = objectAt(component, name, where);
    const called = organisation && textAt(organisation, "name", `${where}.${name}`);
    if (called !== undefined) return called;
  }
  return textAt(component, "publisher", where);
}

/** `{ license: { id | name } }` or `{ expression }`. */
function licencesOf(component: Json, where: string): readonly string[] {
  return listAt(component, "licenses", where, sbomLimits.perItem).flatMap((item, at) => {
    const here = `${where}.licenses[${at}]`;
    const choice = objectOf(item, here);
    const licence = objectAt(choice, "license", here);
    const said =
      licence === undefined
        ? textAt(choice, "expression", here)
        : (textAt(licence, "id", `${here}.license`) ?? textAt(licence, "name", `${here}.license`));
    return said === undefined ? [] : [said];
  });
}

function servicesOf(document: Json): readonly string[] {
  return listAt(document, "services", "bom", sbomLimits.components).flatMap((item, at) => {
    const ref = textAt(objectOf(item, `services[${at}]`), "bom-ref", `services[${at}]`);
    return ref === undefined ? [] : [ref];
  });
}

function dependenciesOf(document: Json): readonly SbomEdge[] {
  let left = sbomLimits.edges;
  return listAt(document, "dependencies", "bom", sbomLimits.components).flatMap((item, at) => {
    const where = `dependencies[${at}]`;
    const entry = objectOf(item, where);
    const from = neededText(entry, "ref", where);
    const tos = listAt(entry, "dependsOn", where, left);
    left -= tos.length;
    return tos.map((to): SbomEdge => ({ from, to: textOf(to, `${where}.dependsOn`), relation: "depends-on" }));
  });
}

/** Up to 1.4 a list; since 1.5 `{ components, services }`. */
function toolsOf(metadata: Json): readonly string[] {
  const { tools } = metadata;
  const lists = Array.isArray(tools)
    ? [listAt(metadata, "tools", "metadata", sbomLimits.perItem)]
    : ["components", "services"].map((name) =>
        listAt(objectAt(metadata, "tools", "metadata") ?? {}, name, "metadata.tools", sbomLimits.perItem),
      );
  return lists.flat().flatMap((item, at) => {
    const tool = objectOf(item, `metadata.tools[${at}]`);
    const name = textAt(tool, "name", `metadata.tools[${at}]`);
    const version = textAt(tool, "version", `metadata.tools[${at}]`);
    return name === undefined ? [] : [version === undefined ? name : `${name} ${version}`];
  });
}
