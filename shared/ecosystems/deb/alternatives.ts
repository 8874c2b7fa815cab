import { pathLines } from "../../lib/lines.ts";
import { pathFault } from "../packaged-path.ts";

/** update-alternatives(1): the generic names of one group, the main one first; each leads through /etc/alternatives. */
export interface Alternative {
  readonly mode: "auto" | "manual";
  readonly links: readonly string[];
  /** Each file that may stand behind the main link. */
  readonly choices: readonly string[];
}

/**
 * /var/lib/dpkg/alternatives/NAME: status, main link, then slave name and link in pairs until an empty line, then for each
 * choice its path, its priority and one path for each slave. Undefined when it is not that.
 */
export function readAlternative(bytes: Uint8Array): Alternative | undefined {
  const lines = pathLines(bytes);
  const [mode, main] = lines;
  const gap = lines.indexOf("", 2);
  if ((mode !== "auto" && mode !== "manual") || main === undefined || gap === -1 || gap % 2 !== 0) return undefined;
  const links = [main, ...lines.slice(2, gap).filter((_, at) => at % 2 === 1)];
  const choices: string[] = [];
  const stride = 1 + links.length;
  for (let at = gap + 1; at + stride <= lines.length && lines[at] !== ""; at += stride) choices.push(lines[at] ?? "");
  return [...links, ...choices].every((path) => pathFault(path) === undefined) ? { mode, links, choices } : undefined;
}
