import { boundedLines } from "../../lib/lines.ts";
import { safeText } from "../../lib/path-text.ts";
import { isPypiName, isPypiVersion, normalName } from "./name.ts";

export interface Metadata {
  readonly kind: "metadata";
  /** As the distribution spells it. */
  readonly title: string;
  /** PEP 503 form. */
  readonly name: string;
  readonly version: string;
}

export type MetadataReading = Metadata | { readonly kind: "refused"; readonly why: string };

/** METADATA or PKG-INFO: RFC 822 headers up to the first empty line; the first of each name counts. */
export function readMetadata(chunks: Iterable<Uint8Array>): MetadataReading {
  let title: string | undefined;
  let version: string | undefined;
  for (const line of boundedLines(chunks, MAX_LINE)) {
    if (line.number > MAX_LINES) return refused(`more than ${MAX_LINES} lines of headers`);
    if (line.long) continue;
    if (line.bytes.includes(0)) return refused("a NUL in it");
    const text = decoder.decode(line.bytes).replace(/\r$/, "");
    if (text === "") break;
    title ??= /^name:\s*(.*?)\s*$/i.exec(text)?.[1];
    version ??= /^version:\s*(.*?)\s*$/i.exec(text)?.[1];
    if (title !== undefined && version !== undefined) break;
  }
  if (title === undefined) return refused("no name");
  if (version === undefined) return refused("no version");
  if (!isPypiName(title)) return refused("a name that is none of a distribution");
  if (!isPypiVersion(version)) return refused("a version that is malformed");
  return { kind: "metadata", title: safeText(title), name: normalName(title), version };
}

const MAX_LINE = 64 * 1024;
const MAX_LINES = 20_000;
const decoder = new TextDecoder();
const refused = (why: string): MetadataReading => ({ kind: "refused", why: `its metadata has ${why}` });
