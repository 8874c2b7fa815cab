import type { Evidence } from "./format.ts";
import { embeddedFormats } from "./formats/index.ts";
import type { Subject } from "./subject.ts";

/** A signed jar or NuGet package carries its own signature: where its bytes are at hand, it is evidence about itself. */
export function evidenceInside({ bytes, sha256, name }: Subject): readonly Evidence[] {
  if (bytes === undefined) return [];
  const evidence: Evidence = { bytes, sha256, ...(name === undefined ? {} : { name }) };
  return embeddedFormats.some((format) => format.recognises(evidence)) ? [evidence] : [];
}
