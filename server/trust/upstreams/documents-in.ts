import { upstreamLimits, type Found } from "./upstream.ts";

/** The documents of one file: a .jsonl holds one on each line. */
export function* documentsIn(name: string, bytes: Buffer): Generator<Found> {
  if (!name.endsWith(".jsonl")) yield { bytes, name };
  else
    for (const line of bytes.toString("utf8").split("\n").slice(0, upstreamLimits.documents))
      if (line.trim() !== "") yield { bytes: Buffer.from(line.replace(/\r$/, "")), name };
}
