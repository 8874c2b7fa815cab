import { componentsOf, type Components } from "./components.ts";
import type { Evidence, Question } from "./format.ts";
import { guarded } from "./refusal.ts";
import { readBundle } from "./sigstore/bundle.ts";
import { checkBundle } from "./sigstore/check-bundle.ts";
import { isProvenance } from "./slsa/provenance.ts";
import type { Trust } from "./trust.ts";

/**
 * The five components in a Sigstore bundle that holds for this file, provenance before other statements. Undefined where the document
 * is no bundle, or none of its lines holds; other formats show what they prove in their chain.
 */
export async function componentsIn({ bytes }: Evidence, question: Question<Trust>): Promise<Components | undefined> {
  let other: Components | undefined;
  for (const line of linesOf(bytes)) {
    const bundle = guarded(
      () => readBundle(line),
      () => undefined,
    );
    const checked = bundle === undefined ? undefined : await checkBundle(bundle, question).catch(() => undefined);
    if (checked === undefined) continue;
    const components = guarded(
      () => componentsOf(checked.signed, checked.statement),
      () => undefined,
    );
    if (components === undefined) continue;
    if (checked.statement !== undefined && isProvenance(checked.statement.predicateType)) return components;
    other ??= components;
  }
  return other;
}

function linesOf(bytes: Uint8Array): readonly Uint8Array[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!text.subarray(0, -1).includes("}\n{")) return [bytes];
  const lines = text.toString("utf8").split("\n", maxLines);
  return lines.filter((line) => line.trim() !== "").map((line) => Buffer.from(line));
}

/** As many as the format itself reads. */
const maxLines = 256;
