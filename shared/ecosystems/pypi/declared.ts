import { boundedLines } from "../../lib/lines.ts";
import { safeText } from "../../lib/path-text.ts";
import { isPypiName, normalName } from "./name.ts";

/** What a distribution says of itself beside its name: what it needs, and its licence. Its author's word. */
export interface Declared {
  readonly licence?: string;
  /** PEP 503 names, without versions: what is installed tells which one it got. */
  readonly dependencies: readonly string[];
}

/** Core metadata: Requires-Dist but for what only an extra asks for; License-Expression (PEP 639), else a License of one short line. */
export function readPypiDeclared(chunks: Iterable<Uint8Array>): Declared {
  const dependencies = new Set<string>();
  let expression: string | undefined;
  let licence: string | undefined;
  for (const line of boundedLines(chunks, maxLine)) {
    if (line.number > maxLines) break;
    if (line.long) continue;
    const text = decoder.decode(line.bytes).replace(/\r$/, "");
    if (text === "") break;
    const [, name = "", value = ""] = /^([A-Za-z-]+):\s*(.*?)\s*$/.exec(text) ?? [];
    const field = name.toLowerCase();
    if (field === "license-expression") expression ??= value;
    else if (field === "license" && value.length <= 100) licence ??= value;
    else if (field === "requires-dist" && !/;.*\bextra\s*==/.test(value) && dependencies.size < maxDependencies) {
      const needed = /^[A-Za-z0-9._-]+/.exec(value)?.[0] ?? "";
      if (isPypiName(needed)) dependencies.add(normalName(needed));
    }
  }
  const said = expression ?? licence;
  return {
    ...(said === undefined || said === "" || said === "UNKNOWN" ? {} : { licence: safeText(said.slice(0, 200)) }),
    dependencies: [...dependencies],
  };
}

const maxLine = 16 * 1024;
const maxLines = 20_000;
const maxDependencies = 5000;
const decoder = new TextDecoder();
