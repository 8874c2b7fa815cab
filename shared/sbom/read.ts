import { parseStrictJson } from "../lib/strict-json.ts";
import { guarded } from "../provenance/refusal.ts";
import { isCycloneDx, readCycloneDx } from "./cyclonedx/read-cyclonedx.ts";
import { readCycloneDxVex } from "./cyclonedx/read-cyclonedx-vex.ts";
import { objectOf, type Json } from "./fields.ts";
import { sbomLimits } from "./limits.ts";
import { isOpenVex, readOpenVex } from "./openvex/read-openvex.ts";
import type { Sbom } from "./sbom.ts";
import { isSpdx2, readSpdx2 } from "./spdx/read-spdx2.ts";
import { isSpdx3, readSpdx3 } from "./spdx/read-spdx3.ts";
import { isTagValue, readTagValue } from "./spdx/tag-value.ts";
import type { Vex } from "./vex.ts";

/** What became of a document. `foreign`: it is none of these formats. The others say what is wrong with it. */
export type DocumentReading =
  | { readonly kind: "sbom"; readonly sbom: Sbom; readonly vex?: Vex }
  | { readonly kind: "vex"; readonly vex: Vex }
  | { readonly kind: "refused"; readonly basis: "foreign" | "unreadable" | "unsupported"; readonly why: string };

/** CycloneDX 1.4 to 1.7 in JSON, SPDX 2.2 and 2.3 in JSON or tag-value, SPDX 3.0 in JSON-LD, OpenVEX. Never throws. */
export function readDocument(bytes: Uint8Array): DocumentReading {
  if (bytes.length > sbomLimits.bytes)
    return { kind: "refused", basis: "unsupported", why: `it is larger than ${sbomLimits.bytes} bytes` };
  const text = bytes[0] === openBrace ? undefined : textIn(bytes);
  if (text !== undefined && isTagValue(text))
    return answered(() => ({ kind: "sbom", sbom: readSpdx2(readTagValue(text)) }));
  if (text !== undefined && /^\uFEFF?\s*</.test(text))
    return { kind: "refused", basis: "unsupported", why: "XML is not read: the same document in JSON is" };
  const json = parseStrictJson(bytes, sbomLimits);
  if (json.ok) return readJsonDocument(json.value);
  const basis = text !== undefined && !/^\s*[{[]/.test(text) ? "foreign" : "unreadable";
  return { kind: "refused", basis, why: json.why };
}

/** The same for what was parsed before: the predicate of an in-toto statement. */
export function readJsonDocument(value: unknown): DocumentReading {
  return answered(() => {
    const document = objectOf(value, "the document");
    const read = readers.find(({ is }) => is(document))?.read;
    return read?.(document) ?? { kind: "refused", basis: "foreign", why: "it is no bill of materials and no VEX" };
  });
}

const openBrace = 0x7b;

const readers: readonly {
  readonly is: (document: Json) => boolean;
  readonly read: (document: Json) => DocumentReading;
}[] = [
  {
    is: isCycloneDx,
    read: (document) => {
      const sbom = readCycloneDx(document);
      const vex = readCycloneDxVex(document, sbom);
      return { kind: "sbom", sbom, ...(vex === undefined ? {} : { vex }) };
    },
  },
  { is: isSpdx2, read: (document) => ({ kind: "sbom", sbom: readSpdx2(document) }) },
  { is: isSpdx3, read: (document) => ({ kind: "sbom", sbom: readSpdx3(document) }) },
  { is: isOpenVex, read: (document) => ({ kind: "vex", vex: readOpenVex(document) }) },
];

function answered(read: () => DocumentReading): DocumentReading {
  return guarded(read, ({ basis, message }) => ({
    kind: "refused",
    basis: basis === "unsupported" ? "unsupported" : "unreadable",
    why: message,
  }));
}

function textIn(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
