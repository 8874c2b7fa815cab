import { pathLines } from "../../lib/lines.ts";
import { pathFault } from "../packaged-path.ts";

/** dpkg-divert(1): files that every package but `owner` would put at `from` lie at `to`. No owner: the administrator's. */
export interface Diversion {
  readonly from: string;
  readonly to: string;
  readonly owner?: string;
}

/** /var/lib/dpkg/diversions: triples of lines, ":" standing for a local diversion. */
export function readDiversions(bytes: Uint8Array): {
  readonly diversions: readonly Diversion[];
  readonly fault?: string;
} {
  const lines = pathLines(bytes);
  const diversions: Diversion[] = [];
  let fault: string | undefined = lines.length % 3 === 0 ? undefined : "it ends in the middle of a diversion";
  for (let at = 0; at + 2 < lines.length; at += 3) {
    const [from = "", to = "", owner = ""] = lines.slice(at, at + 3);
    const wrong = pathFault(from) ?? pathFault(to);
    if (wrong !== undefined) fault ??= wrong;
    else diversions.push(owner === ":" ? { from, to } : { from, to, owner });
  }
  return { diversions, ...(fault !== undefined && { fault }) };
}
