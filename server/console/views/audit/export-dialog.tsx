import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { auditExportAddress } from "../../data/call.ts";
import { auditChainQuery } from "../../data/queries.ts";
import { CopyButton } from "../../parts/copy-button.tsx";
import { Modal } from "../../parts/modal.tsx";
import { absolute } from "../../parts/time-words.ts";

const fileName = "provost-audit.ndjson";

/** The audit as a file, and how it is checked without this server. */
export function ExportDialog(props: {
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly onClose: () => void;
}) {
  const { from, to, onClose } = props;
  const { data } = useQuery(auditChainQuery);
  const command = `provost audit verify ${fileName}${data === undefined ? "" : ` --server ${data.key}`}`;
  return (
    <Modal title="Export the audit" shape="dialog" onClose={onClose}>
      <div className="flex flex-col gap-4 overflow-auto px-5 py-4 text-sm">
        <p>
          {spanWords(from, to)} Kinds and words narrow the list alone: a chain is taken whole. The export is itself an
          entry.
        </p>
        <a
          className="button self-start font-semibold"
          href={auditExportAddress({ ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) })}
          download={fileName}
        >
          <Download size={14} aria-hidden="true" />
          Download {fileName}
        </a>
        <div className="flex flex-col gap-1.5">
          <p>Check it on any machine, without network or this server:</p>
          <p className="flex items-start gap-2 rounded-lg bg-sunken px-3 py-2">
            <code className="min-w-0 font-mono text-xs wrap-anywhere">{command}</code>
            <CopyButton text={command} label="the command" />
          </p>
          <p className="text-soft">
            It names the first bad line. Keep the last hash it prints: with --holds a later export shows that nothing up
            to there was written again.
          </p>
        </div>
      </div>
    </Modal>
  );
}

function spanWords(from: number | undefined, to: number | undefined): string {
  if (from === undefined && to === undefined) return "Every entry.";
  const since = from === undefined ? "from the first" : `from ${absolute(from)}`;
  return `Every entry ${since} ${to === undefined ? "on" : `to ${absolute(to)}`}.`;
}
