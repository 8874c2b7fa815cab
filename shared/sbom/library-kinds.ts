import type { Evidence } from "../provenance/format.ts";
import { unreadable, unsupported } from "../provenance/refusal.ts";
import type { Said } from "../provenance/said.ts";
import { keysOf, type SbomKeys } from "./keys.ts";

/** How the evidence library tells bills of materials and VEX documents from others, and files them by all that they name. */
export const cycloneDxKind = kind("cyclonedx", ['"bomFormat"']);
export const spdxKind = kind("spdx", ['"spdxVersion"', "SPDXVersion:", "https://spdx.org/rdf/3"]);
export const openVexKind = kind("openvex", ["https://openvex.dev/ns"]);

function kind(id: SbomKeys["kind"], marks: readonly string[]) {
  return {
    id,
    /** Where the mark stands is up to whoever wrote the document; that it is one, the reader finds out. */
    recognises: ({ bytes }: Evidence): boolean => {
      const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return marks.some((mark) => whole.includes(mark));
    },
    about: ({ bytes }: Evidence): readonly Said[] => {
      const reading = keysOf(bytes);
      if (!reading.ok) throw reading.basis === "unsupported" ? unsupported(reading.why) : unreadable(reading.why);
      return [{ digests: reading.keys.subjects, purls: reading.keys.purls }];
    },
  };
}
