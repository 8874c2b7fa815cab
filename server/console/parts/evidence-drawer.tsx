import { useQuery } from "@tanstack/react-query";
import { Check, Download, X } from "lucide-react";
import { evidenceAddress, fetchEvidence } from "../data/call.ts";
import type { Link } from "./chain-order.ts";
import { CopyButton } from "./copy-button.tsx";
import { digestOf, evidenceText } from "./evidence-text.ts";
import { Modal } from "./modal.tsx";
import { bytes as sizeInWords, count } from "./number-words.ts";
import { Facts } from "./page.tsx";
import { Failed, Loading } from "./states.tsx";
import { visible } from "./visible-text.ts";

export type Evidence = NonNullable<Link["evidence"]>[number];

/** The bytes behind a link, as they are stored, with their digest computed again in this browser. */
export function EvidenceDrawer({ evidence, onClose }: { readonly evidence: Evidence; readonly onClose: () => void }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["evidence", evidence.sha256],
    queryFn: ({ signal }) => readEvidence(evidence.sha256, signal),
    staleTime: Infinity,
    gcTime: 60_000,
    structuralSharing: false,
  });
  return (
    <Modal title={visible(evidence.title)} note={visible(evidence.mediaType)} shape="drawer" onClose={onClose}>
      <div className="flex min-h-0 grow flex-col gap-4 overflow-hidden px-5 py-4">
        <Facts
          facts={[
            [
              "SHA-256",
              <span key="digest" className="inline-flex max-w-full items-start gap-1">
                <code className="font-mono text-xs leading-6 wrap-anywhere">{evidence.sha256}</code>
                <CopyButton text={evidence.sha256} label="the evidence's digest" />
              </span>,
            ],
            ["Digest check", data === undefined ? "…" : <DigestCheck key="check" wanted={evidence.sha256} {...data} />],
            [
              "Size",
              data === undefined
                ? "…"
                : `${count(data.size)} bytes${data.whole ? "" : " and more"} (${sizeInWords(data.size)})`,
            ],
          ]}
        />
        <a
          className="button self-start"
          href={evidenceAddress(evidence.sha256)}
          download={`${evidence.sha256}.evidence`}
        >
          <Download size={14} aria-hidden="true" />
          Download the stored bytes
        </a>
        {error === null ? undefined : <Failed error={error} again={() => void refetch()} />}
        {data === undefined ? error === null ? <Loading what="evidence" /> : undefined : <Text {...data.shown} />}
      </div>
    </Modal>
  );
}

function Text({ form, text, hidden }: ReturnType<typeof evidenceText>) {
  return (
    <>
      <textarea
        readOnly
        wrap="off"
        spellCheck={false}
        aria-label={`Evidence as ${form}`}
        value={text}
        className="min-h-0 grow resize-none overflow-auto rounded-lg border bg-canvas p-3 font-mono text-xs leading-relaxed"
      />
      {hidden > 0 ? (
        <p className="text-xs text-soft">{count(hidden)} more bytes are not shown. The download has them.</p>
      ) : undefined}
    </>
  );
}

interface ReadEvidence {
  readonly shown: ReturnType<typeof evidenceText>;
  readonly size: number;
  readonly whole: boolean;
  readonly digest: string | undefined;
}

async function readEvidence(sha256: string, signal: AbortSignal): Promise<ReadEvidence> {
  const { bytes, whole } = await fetchEvidence(sha256, signal);
  return { shown: evidenceText(bytes), size: bytes.length, whole, digest: whole ? await digestOf(bytes) : undefined };
}

function DigestCheck({ wanted, whole, digest }: ReadEvidence & { readonly wanted: string }) {
  if (digest === undefined)
    return <>{whole ? "Not computed: this browser offers no digests here" : "Not computed: too large to load here"}</>;
  const equal = digest === wanted;
  const Icon = equal ? Check : X;
  return (
    <span data-tone={equal ? "proven" : "refuted"} className="inline-flex items-center gap-1 font-medium text-tone">
      <Icon size={14} strokeWidth={2.5} aria-hidden="true" />
      {equal ? "Equal, computed in this browser" : `Differs: these bytes have ${digest}`}
    </span>
  );
}
