import { parsePurl } from "../ecosystems/purl.ts";
import type { Purl, Sha256 } from "../model/ids.ts";
import type { Sbom, SbomComponent, SbomDigest } from "./sbom.ts";
import type { Vex, VexStatement } from "./vex.ts";

/** What is asked about: a file by its digest, the packages that it stands in by their package URLs. */
export interface AskedAbout {
  readonly sha256?: Sha256;
  readonly purls: readonly Purl[];
}

/** Where a document names what is asked about: as what it describes, or as part of that. */
export function componentsAbout(sbom: Sbom, asked: AskedAbout): readonly SbomComponent[] {
  return [...sbom.subjects, ...sbom.components].filter((component) => names(component, asked));
}

/** What a VEX document says about it. A statement without products is about what its document is about: here, nothing. */
export function statementsAbout(vex: Vex, asked: AskedAbout): readonly VexStatement[] {
  return vex.statements.filter(({ products }) => products.some((product) => names(product, asked)));
}

interface Named {
  readonly purl?: Purl;
  readonly digests: readonly SbomDigest[];
}

/** An equal digest decides, also against: the same name with other bytes is another thing. */
function names({ purl, digests }: Named, { sha256, purls }: AskedAbout): boolean {
  const digest = digests.find(({ algorithm }) => algorithm === "sha256");
  if (digest !== undefined && sha256 !== undefined) return digest.hex === sha256;
  return purl !== undefined && purls.some((one) => covers(purl, one));
}

/**
 * Whether `wide` means `narrow` too, as OpenVEX's own tools match: the same package; a version, a qualifier or a subpath that `wide`
 * does not name may be any.
 */
export function covers(wide: Purl, narrow: Purl): boolean {
  if (wide === narrow) return true;
  const [a, b] = [parsePurl(wide), parsePurl(narrow)];
  if (a === undefined || b === undefined) return false;
  if (a.type !== b.type || a.namespace !== b.namespace || a.name !== b.name) return false;
  if (a.version !== undefined && a.version !== b.version) return false;
  if (a.subpath !== undefined && a.subpath !== b.subpath) return false;
  return Object.entries(a.qualifiers ?? {}).every(([key, value]) => b.qualifiers?.[key] === value);
}
