/** What the editor does to a policy's words. Reading them is the server's. */

const numberLine = /^number:[ \t]*\d+/m;

/** The words with this number; where they name none, it is put first. */
export const withNumber = (yaml: string, number: number): string =>
  numberLine.test(yaml) ? yaml.replace(numberLine, `number: ${number}`) : `number: ${number}\n${yaml}`;

/** The number the words name, if they name one. */
export function numberOf(yaml: string): number | undefined {
  const found = /^number:[ \t]*(\d{1,15})/m.exec(yaml)?.[1];
  return found === undefined ? undefined : Number(found);
}

/**
 * The line a fault is about, as far as its message says: "... at line 3, column 5: ...", or "gate.rings.0.mode: ...".
 * Behind the first item of a list only the list is found: an item may be written in more than one way.
 */
export function lineOfFault(why: string, yaml: string): number | undefined {
  const named = /\bat line (\d{1,7})\b/.exec(why)?.[1];
  if (named !== undefined) return Number(named);
  const path = /^([\w.]+): /.exec(why)?.[1]?.split(".") ?? [];
  const later = path.findIndex((part) => /^[1-9]\d*$/.test(part));
  const keys = (later === -1 ? path : path.slice(0, later)).filter((part) => part !== "0");
  return lineOfPath(yaml.split("\n"), keys);
}

/** The line of the deepest key of a path that is found at or below the one before it. */
function lineOfPath(lines: readonly string[], keys: readonly string[]): number | undefined {
  let found: number | undefined;
  for (const key of keys) {
    const at = lines.findIndex((line, index) => index + 1 >= (found ?? 1) && hasKey(line, key));
    if (at === -1) return found;
    found = at + 1;
  }
  return found;
}

const hasKey = (line: string, key: string): boolean =>
  line
    .split("#")[0]
    ?.split(/[\s{,[-]+/)
    .includes(`${key}:`) === true;
