import { AppError } from "@provost/shared/lib/app-error.ts";
import type { ScanFrame } from "@provost/shared/protocol/frames.ts";
import { runScan } from "../inventory/run-scan.ts";
import { openState } from "../state/state.ts";
import { countAll, listed } from "./counts.ts";
import type { ExitCode } from "./exit-codes.ts";
import { exitCodes } from "./exit-codes.ts";
import { argumentBytes, nameFolder } from "./name-file.ts";
import type { Request } from "./request.ts";
import { findState } from "./state-reader.ts";
import { jsonLine } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

/** `provost scan [FOLDER...]`: one pass now, of the whole device or of these folders. */
export async function scan(request: Request, folders: readonly string[], deep: boolean): Promise<ExitCode> {
  const starts = argumentBytes(folders).map((folder) => nameFolder(folder, request.cwd));
  const found = findState(request.folder);
  if (found.kind === "closed" && found.error.code === "STATE_NEWER") throw found.error;
  if (found.kind === "open") found.state.close();
  // Made, or brought up to date, here: the reason why it cannot be is then known with its cause.
  openState(request.folder).close();
  const frame = await runScan(
    { folder: request.folder, excluded: [], scope: "whole", deep, ...(starts.length === 0 ? {} : { starts }) },
    (progress) => request.terminal.progress(progressLine(progress)),
    request.stop,
  ).finally(() => request.terminal.progress(undefined));
  tell(request, frame);
  return isPartial(frame) ? exitCodes.partial : exitCodes.asWanted;
}

export function progressLine(frame: ScanFrame): string {
  return frame.state === "hashing"
    ? `hashing: ${frame.hashed} of ${frame.toHash} new or changed files, ${Math.round(frame.bytesHashed / 1e6)} MB`
    : `looking: ${frame.filesSeen} files, ${frame.executables} of them executable`;
}

/** What this user may not see is missing from the answer; what is left out by design is only told. */
export const isPartial = (frame: ScanFrame): boolean =>
  frame.blind.some(({ why }) => why.startsWith("this user may not"));

function tell({ folder, json, terminal }: Request, frame: ScanFrame): void {
  const state = openState(folder);
  try {
    const counts = countAll(state);
    const seconds = ((frame.endedAt ?? frame.startedAt) - frame.startedAt) / 1000;
    const { filesSeen, hashed, bytesHashed, blind, problems } = frame;
    if (json) return terminal.out(jsonLine({ ...counts, filesSeen, hashed, bytesHashed, seconds, blind, problems }));
    terminal.out(
      `Looked at ${filesSeen} files in ${seconds.toFixed(1)} s; hashed ${hashed} (${Math.round(bytesHashed / 1e6)} MB).`,
    );
    terminal.out(
      `Known now: ${counts.packages} packages, ${counts.executables} executable files: ${listed(counts.standings)}.`,
    );
    terminal.out(`By basis: ${listed(counts.bases)}. Proofs held: ${listed(counts.proofs)}.`);
    tellBlind(terminal, frame);
  } finally {
    state.close();
  }
}

/** What was not seen or not understood. */
export function tellBlind(terminal: Terminal, frame: Pick<ScanFrame, "blind" | "problems">): void {
  for (const { what, count, why } of frame.blind) terminal.out(`Not seen: ${count} ${what}: ${why}`, "weak");
  for (const { path, why } of frame.problems.slice(0, shownProblems))
    terminal.out(`Not understood: ${path}: ${why}`, "weak");
  if (frame.problems.length > shownProblems)
    terminal.out(`Not understood: ${frame.problems.length - shownProblems} more (--json lists them)`, "weak");
}

const shownProblems = 10;

export const interrupted = (): AppError =>
  new AppError("SCAN_FAILED", "the scan was interrupted; what it had stored stays");
