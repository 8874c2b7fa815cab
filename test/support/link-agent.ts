/**
 * An agent without a scan: the real state, spool and link in a process of its own, writing made-up files as fast as it is told.
 * Every file is told together with a count of one, so that a frame stored twice shows.
 */
import { acceptAttested, acceptTrust } from "../../agent/provenance/attested.ts";
import { acceptProof, proofsIn } from "../../agent/provenance/proofs.ts";
import { retellFiles, writeFiles } from "../../agent/inventory/write-files.ts";
import { openLink } from "../../agent/link/link.ts";
import { append, depth } from "../../agent/spool/spool.ts";
import { openState, readMeta } from "../../agent/state/state.ts";
import { factsOf, lostFrame } from "./frames.ts";

export interface LinkOrder {
  readonly folder: string;
  readonly url: string;
  readonly token: string;
  readonly total: number;
  /** Milliseconds between two files. */
  readonly pause: number;
}

export type LinkReport =
  | { readonly kind: "opened"; readonly device: string }
  | { readonly kind: "written" | "drained"; readonly spooled: number; readonly epoch: string }
  | { readonly kind: "lost"; readonly why: string; readonly final: boolean; readonly spooled: number };

process.once("message", (order: LinkOrder) => start(order));
process.once("disconnect", () => process.exit(0));

function start({ folder, url, token, total, pause }: LinkOrder): void {
  const state = openState(folder);
  const tell = (report: LinkReport): void => void process.send?.(report);
  const about = () => ({ spooled: depth(state).frames, epoch: readMeta(state, "epoch") ?? "" });
  // Enrolment begins an epoch and forgets what was spooled before it: only from there on is a count worth anything.
  let writing = false;
  const link = openLink(
    state,
    { url, name: "linked", token },
    {
      opened(device) {
        tell({ kind: "opened", device });
        if (!writing) write();
      },
      drained: () => tell({ kind: "drained", ...about() }),
      proof: (message) => void acceptProof(state, message),
      attested: (message) => void acceptAttested(state, message),
      trust: (message) => acceptTrust(state, message, Date.now()),
      policy: () => undefined,
      command: () => undefined,
      triage: () => undefined,
      retell: () => retellFiles(state),
      lost: (why, final) => tell({ kind: "lost", why, final, spooled: depth(state).frames }),
    },
  );
  const proofs = proofsIn(state);
  const write = (): void => {
    writing = true;
    const done = state.prepare<[], { n: number }>("SELECT count(*) AS n FROM files").get()?.n ?? 0;
    if (done >= total) return tell({ kind: "written", ...about() });
    state.transaction(() => {
      writeFiles(state, [factsOf(`/made/file-${String(done).padStart(6, "0")}`)], proofs, 1);
      append(state, lostFrame(1));
    })();
    link.spooled();
    setTimeout(write, pause);
    return undefined;
  };
  if (readMeta(state, "device") !== undefined) write();
}
