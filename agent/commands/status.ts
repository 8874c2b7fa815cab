import { standingOrders } from "../actions/journal.ts";
import type { ScanFrame } from "@provost/shared/protocol/frames.ts";
import { depth } from "../spool/spool.ts";
import type { State } from "../state/state.ts";
import { readMeta } from "../state/state.ts";
import { countAll, listed } from "./counts.ts";
import type { ExitCode } from "./exit-codes.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import { tellBlind } from "./scan.ts";
import { findState } from "./state-reader.ts";
import { jsonLine } from "./terminal.ts";

/** `provost status`: is this device enrolled, what waits to be told, what did the last pass find and not see. */
export function status(request: Request): ExitCode {
  const found = findState(request.folder);
  if (found.kind === "closed") throw found.error;
  if (found.kind === "none") {
    if (request.json) request.terminal.out(jsonLine({ state: request.folder, enrolled: false, lastPass: null }));
    else {
      request.terminal.out(`The agent has not run here: there is no state in ${request.folder}.`);
      request.terminal.out("  Look at this device:  provost scan");
    }
    return exitCodes.asWanted;
  }
  try {
    tell(request, found.state);
  } finally {
    found.state.close();
  }
  return exitCodes.asWanted;
}

function tell({ folder, json, terminal }: Request, state: State): void {
  const device = readMeta(state, "device");
  const server = readMeta(state, "server-url");
  const spool = depth(state);
  const scanText = readMeta(state, "last-scan");
  const last = scanText === undefined ? undefined : (JSON.parse(scanText) as ScanFrame);
  const counts = countAll(state);
  const orders = standingOrders(state);
  if (json)
    return terminal.out(
      jsonLine({
        state: folder,
        enrolled: device !== undefined,
        device: device ?? null,
        server: server ?? null,
        spool,
        lastPass: last ?? null,
        orders,
        ...counts,
      }),
    );
  terminal.out(
    device === undefined
      ? "Not enrolled: no server knows this device."
      : `Enrolled as ${device} at ${server ?? "an unnamed server"}.`,
  );
  for (const { id, says } of orders) terminal.out(`In force: ${says} (${id}).`, "bad");
  terminal.out(`Waiting to be told: ${spool.frames} messages, ${spool.bytes} bytes.`);
  if (last?.endedAt === undefined) terminal.out("No whole pass has ended yet.", "weak");
  else {
    const seconds = ((last.endedAt - last.startedAt) / 1000).toFixed(1);
    terminal.out(`Last whole pass: ${new Date(last.endedAt).toISOString()}, ${last.filesSeen} files in ${seconds} s.`);
  }
  terminal.out(`Known: ${counts.packages} packages, ${counts.executables} executable files.`);
  terminal.out(`By standing: ${listed(counts.standings)}.`);
  terminal.out(`By basis: ${listed(counts.bases)}.`);
  terminal.out(`Proofs held, by package version: ${listed(counts.proofs)}.`);
  if (last !== undefined) tellBlind(terminal, last);
}
