import { FileSearch } from "lucide-react";
import { useState } from "react";
import { EvidenceDrawer } from "../../parts/evidence-drawer.tsx";
import { bytes, counted } from "../../parts/number-words.ts";
import { Panel } from "../../parts/page.tsx";
import { Time } from "../../parts/time.tsx";
import { visible } from "../../parts/visible-text.ts";
import type { ExecutableData } from "./executable-data.ts";

type Document = ExecutableData["documents"][number];

/** What the library holds about it: attestations, signatures, bills of materials. What the verdict rests on stands in the chain. */
export function Documents({ executable: { documents } }: { readonly executable: ExecutableData }) {
  const [open, setOpen] = useState<Document>();
  return (
    <Panel title="Documents about it" note={counted(documents.length, "document", "documents")}>
      {documents.length === 0 ? (
        <p className="text-sm text-soft">
          The evidence library holds none. CI hands them in, or registries publish them.
        </p>
      ) : undefined}
      <ul className="flex max-h-80 flex-col divide-y divide-line overflow-auto">
        {documents.map((document) => (
          <li key={document.sha256} className="flex flex-col gap-1 py-2">
            <span className="flex flex-wrap items-center justify-between gap-2 text-sm">
              <span className="min-w-0 wrap-anywhere">{kindWords[document.kind] ?? visible(document.kind)}</span>
              <button type="button" className="button h-7 px-2 text-xs" onClick={() => setOpen(document)}>
                <FileSearch size={13} aria-hidden="true" />
                Open<span className="sr-only"> {titleOf(document)}</span>
              </button>
            </span>
            <span className="text-xs text-soft wrap-anywhere">
              {aboutWords[document.about]} · {visible(document.from)} · <Time at={document.addedAt} /> ·{" "}
              {bytes(document.size)}
            </span>
          </li>
        ))}
      </ul>
      {open === undefined ? undefined : (
        <EvidenceDrawer
          evidence={{ sha256: open.sha256, mediaType: open.mediaType, title: titleOf(open) }}
          onClose={() => setOpen(undefined)}
        />
      )}
    </Panel>
  );
}

const titleOf = ({ name, kind }: Document): string => name ?? kindWords[kind] ?? kind;

const aboutWords: Readonly<Record<Document["about"], string>> = {
  file: "names these bytes",
  archive: "names the archive it came in",
  package: "names its package",
};

const kindWords: Readonly<Record<string, string>> = {
  "sigstore-bundle": "Sigstore bundle",
  dsse: "Signed attestation (DSSE)",
  "npm-attestations": "npm attestations",
  "npm-signature": "npm registry signature",
  pep740: "PyPI attestation (PEP 740)",
  openpgp: "OpenPGP signature",
  minisign: "minisign signature",
  "cosign-bundle": "cosign signature",
  "cloud-build": "Google Cloud Build provenance",
  "oci-artifact": "Signature from an image registry",
  cyclonedx: "Bill of materials (CycloneDX)",
  spdx: "Bill of materials (SPDX)",
  openvex: "Exploitability statement (OpenVEX)",
};
