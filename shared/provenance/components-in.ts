import { member } from "../lib/bounded-json.ts";
import { parseStrictJson } from "../lib/strict-json.ts";
import { componentsOf, type Components } from "./components.ts";
import type { Evidence, Question } from "./format.ts";
import { guarded } from "./refusal.ts";
import { bundleOf, type Bundle } from "./sigstore/bundle.ts";
import { checkBundle } from "./sigstore/check-bundle.ts";
import { isProvenance } from "./slsa/provenance.ts";
import type { Trust } from "./trust.ts";

/**
 * The five components in a Sigstore bundle that holds for this file, provenance before other statements: a bundle, several on as many
 * lines, or those in an answer of the npm registry. Undefined where none holds; other formats show what they prove in their chain.
 */
export async function componentsIn({ bytes }: Evidence, question: Question<Trust>): Promise<Components | undefined> {
  let other: Components | undefined;
  for (const bundle of bundlesIn(bytes)) {
    const checked = await checkBundle(bundle, question).catch(() => undefined);
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

function bundlesIn(bytes: Uint8Array): readonly Bundle[] {
  const documents = linesOf(bytes).flatMap((line) => {
    const json = parseStrictJson(line);
    if (!json.ok) return [];
    const attestations = member(json.value, "attestations");
    return Array.isArray(attestations) ? attestations.map((one) => member(one, "bundle")) : [json.value];
  });
  return documents.slice(0, maxBundles).flatMap((document) =>
    guarded<readonly Bundle[]>(
      () => [bundleOf(document)],
      () => [],
    ),
  );
}

/** As many as the formats themselves read. */
const maxBundles = 256;

function linesOf(bytes: Uint8Array): readonly Uint8Array[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!text.subarray(0, -1).includes("}\n{")) return [bytes];
  const lines = text.toString("utf8").split("\n", maxBundles);
  return lines.filter((line) => line.trim() !== "").map((line) => Buffer.from(line));
}
