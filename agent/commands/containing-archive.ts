import type { Sha256 } from "@provost/shared/model/ids.ts";
import type { Judged, Verdict } from "@provost/shared/model/verdict.ts";
import { judgeContained } from "@provost/shared/provenance/contained.ts";
import { archiveOnDisk } from "../provenance/archive-contents.ts";
import { combineVerdicts } from "./combine-verdicts.ts";

/** The archive that files came out of: judged and read once, asked for each file. */
export interface ContainingArchive {
  /** What the archive's verdict adds to what documents say of the file itself. */
  verdictOn(file: Sha256, documents: Verdict): Promise<Verdict>;
}

export function containingArchive(
  path: string,
  sha256: Sha256,
  judge: () => Promise<Judged>,
  stop: AbortSignal,
): ContainingArchive {
  let known: ReturnType<typeof look> | undefined;
  const look = () => Promise.all([judge(), archiveOnDisk(path, { signal: stop })] as const);
  return {
    async verdictOn(file, documents) {
      const [judged, reading] = await (known ??= look());
      // By digest alone: where the file lies now says nothing of its place in the archive.
      const contained = judgeContained({ ...judged, sha256 }, reading, { sha256: file });
      return contained.kind === "foreign" ? documents : combineVerdicts(contained.judged.verdict, documents, false);
    },
  };
}
