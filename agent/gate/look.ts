/**
 * The looking process: reads the packages' books for single files that are about to run, writes what it found into the tables and
 * ends when nobody has asked for a while; its memory goes with it. Told over IPC: a `LookOrder` first, then paths.
 */
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { pathBytes } from "@provost/shared/lib/path-text.ts";
import { lookAt } from "../commands/look-at.ts";
import { nameFile } from "../commands/name-file.ts";
import { writeFiles } from "../inventory/write-files.ts";
import { proofsIn } from "../provenance/proofs.ts";
import type { State } from "../state/state.ts";
import { openState } from "../state/state.ts";

export interface LookOrder {
  readonly id: number;
  readonly folder: string;
  readonly path: string;
}
export interface LookAnswer {
  readonly id: number;
  /** What the path holds now; undefined where it could not be read. */
  readonly digest?: Sha256;
  readonly why?: string;
}

const idleMs = 10_000;
/** Rows written so count as new for the next whole pass. */
const provisionalPass = 0;

let state: State | undefined;
let idle = setTimeout(leave, idleMs);

process.on("message", (order: LookOrder) => {
  clearTimeout(idle);
  void obey(order);
});
process.once("disconnect", () => process.exit(0));

async function obey(order: LookOrder): Promise<void> {
  process.send?.(await look(order));
  clearTimeout(idle);
  idle = setTimeout(leave, idleMs);
}

async function look({ id, folder, path }: LookOrder): Promise<LookAnswer> {
  try {
    state ??= openState(folder);
    const file = nameFile(Buffer.from(pathBytes(path) ?? Buffer.from(path)), "/");
    if (!file.ok) return { id, why: file.says };
    const { facts } = await lookAt(state, file, Date.now());
    if (facts.digest === undefined) return { id, why: facts.unreadable ?? "it was not read" };
    writeFiles(state, [facts], proofsIn(state), provisionalPass);
    return { id, digest: facts.digest };
  } catch (cause) {
    return { id, why: cause instanceof AppError || cause instanceof Error ? cause.message : String(cause) };
  }
}

function leave(): void {
  state?.close();
  process.exit(0);
}
