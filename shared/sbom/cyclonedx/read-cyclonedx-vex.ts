import { listAt, neededText, objectAt, objectOf, textAt, timeAt, type Json } from "../fields.ts";
import { sbomLimits } from "../limits.ts";
import { Problems, shown } from "../problems.ts";
import type { Sbom, SbomComponent } from "../sbom.ts";
import type { Vex, VexProduct, VexStatement, VexStatus } from "../vex.ts";
import { unreadable } from "../../provenance/refusal.ts";
import { parsePurl, canonicalPurl } from "../../ecosystems/purl.ts";

/**
 * The vulnerabilities of a CycloneDX document that say whether they touch what the document names. One without an analysis is a
 * report and no statement. Undefined: the document has none.
 */
export function readCycloneDxVex(document: Json, sbom: Sbom): Vex | undefined {
  const items = listAt(document, "vulnerabilities", "bom", sbomLimits.components);
  if (items.length === 0) return undefined;
  const problems = new Problems();
  const components = new Map([...sbom.subjects, ...sbom.components].map((one) => [one.ref, one]));
  const statements = items.flatMap((item, at) => {
    const where = `vulnerabilities[${at}]`;
    return statementOf(objectOf(item, where), where, components, problems) ?? [];
  });
  const createdAt = timeAt(objectAt(document, "metadata", "bom") ?? {}, "timestamp", "metadata");
  return {
    format: "cyclonedx",
    specVersion: sbom.specVersion,
    ...(sbom.id === undefined ? {} : { id: sbom.id }),
    ...(createdAt === undefined ? {} : { createdAt }),
    statements,
    problems: problems.list(),
  };
}

type Components = ReadonlyMap<string, SbomComponent>;

function statementOf(item: Json, where: string, components: Components, problems: Problems): VexStatement | undefined {
  const analysis = objectAt(item, "analysis", where);
  const state = analysis && textAt(analysis, "state", `${where}.analysis`);
  if (analysis === undefined || state === undefined) return undefined;
  const status = states[state];
  if (status === undefined) throw unreadable(`${where}.analysis.state ${shown(state)} is none that CycloneDX knows`);
  const justification = textAt(analysis, "justification", `${where}.analysis`);
  const says = textAt(analysis, "detail", `${where}.analysis`);
  return {
    vulnerability: textAt(item, "id", where) ?? "",
    aliases: aliasesOf(item, where),
    products: productsOf(item, where, components, problems),
    status,
    ...(justification === undefined ? {} : { justification }),
    ...(says === undefined ? {} : { says }),
  };
}

const states: Readonly<Record<string, VexStatus | undefined>> = {
  resolved: "fixed",
  resolved_with_pedigree: "fixed",
  exploitable: "affected",
  in_triage: "under_investigation",
  false_positive: "not_affected",
  not_affected: "not_affected",
};

function aliasesOf(item: Json, where: string): readonly string[] {
  return listAt(item, "references", where, sbomLimits.perItem).map((reference, at) =>
    neededText(objectOf(reference, `${where}.references[${at}]`), "id", `${where}.references[${at}]`),
  );
}

function productsOf(item: Json, where: string, components: Components, problems: Problems): readonly VexProduct[] {
  return listAt(item, "affects", where, sbomLimits.perItem).map((affected, at) => {
    const ref = neededText(objectOf(affected, `${where}.affects[${at}]`), "ref", `${where}.affects[${at}]`);
    // BOM-Link: "urn:cdx:SERIAL/VERSION#REF" names a component of another document by the reference it has there.
    const inside = /^urn:cdx:[^#]+#(.+)$/.exec(ref)?.[1];
    const component = components.get(ref);
    if (component === undefined && inside === undefined)
      problems.add("a vulnerability affects what the document does not name", ref);
    const purl = component?.purl ?? purlIn(inside === undefined ? ref : decoded(inside));
    return { id: ref, ...(purl === undefined ? {} : { purl }), digests: component?.digests ?? [] };
  });
}

/** Many tools use the purl itself as the reference. */
const purlIn = (text: string) => (parsePurl(text) === undefined ? undefined : canonicalPurl(text));

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
