import { pycHeaderBytes, pycNames, pycParent, readPycHeader } from "@provost/shared/ecosystems/pypi/pyc.ts";
import type { FileRecord } from "@provost/shared/model/inventory.ts";
import type { RootView } from "./root-view.ts";

/** For each source among their parents, the wanted .pyc that Python made from it. */
export function compiledAmong(wanted: ReadonlySet<string>): ReadonlyMap<string, readonly string[]> {
  const compiled = new Map<string, string[]>();
  for (const path of wanted) {
    const parent = pycParent(path);
    if (parent === undefined) continue;
    const known = compiled.get(parent);
    if (known === undefined) compiled.set(parent, [path]);
    else known.push(path);
  }
  return compiled;
}

/** PEP 552: whether the .pyc names its source as the source is now. The code inside is not compared. */
export function parentMatch(view: RootView, path: string, parent: string): NonNullable<FileRecord["parentMatch"]> {
  const head = view.head(path, pycHeaderBytes);
  if (head.kind !== "bytes") return { agrees: "not-compared", why: "the compiled file could not be read" };
  const header = readPycHeader(head.bytes);
  if (header === undefined) return { agrees: "not-compared", why: "its header is not one of CPython's" };
  const source = view.status(parent);
  if (!source.found) return { agrees: "not-compared", why: "its source is not there" };
  return pycNames(header, { mtimeSeconds: Math.floor(source.mtimeMs / 1000), size: source.size });
}
