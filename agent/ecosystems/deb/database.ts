import { readAlternative } from "@provost/shared/ecosystems/deb/alternatives.ts";
import { readDiversions, type Diversion } from "@provost/shared/ecosystems/deb/diversions.ts";
import { readStatus, type StatusStanza } from "@provost/shared/ecosystems/deb/status.ts";
import type { InventoryProblem } from "@provost/shared/model/inventory.ts";
import { problemOf, type RootView } from "../root-view.ts";

export const dpkgFolder = "/var/lib/dpkg";
export const infoFolder = `${dpkgFolder}/info`;
export const statusFolder = `${dpkgFolder}/status.d`;

/** A stanza with where its lists lie: dpkg's info folder, or beside it in status.d. */
export interface Installed {
  readonly stanza: StatusStanza;
  readonly location: string;
  /** status.d only: the stanza's file, without ".md5sums". */
  readonly file?: string;
}

/** status, then what dpkg has not yet folded into it (updates/), then status.d. The last word on a package holds. */
export function* installedPackages(view: RootView): Generator<Installed | InventoryProblem> {
  const known = new Map<string, Installed>();
  yield* fold(view, `${dpkgFolder}/status`, known, "once");
  for (const name of names(view, `${dpkgFolder}/updates`).filter((name) => /^\d+$/.test(name)))
    yield* fold(view, `${dpkgFolder}/updates/${name}`, known, "again");
  yield* distroless(view, known);
  yield* known.values();
}

export function diversionsOf(view: RootView): { byPath: ReadonlyMap<string, Diversion>; problems: InventoryProblem[] } {
  const path = `${dpkgFolder}/diversions`;
  const read = view.read(path, MAX_SMALL);
  if (read.kind !== "bytes")
    return { byPath: new Map(), problems: read.kind === "refused" ? [problemOf(path, read)] : [] };
  const { diversions, fault } = readDiversions(read.bytes);
  return {
    byPath: new Map(diversions.map((diversion) => [diversion.from, diversion])),
    problems: fault === undefined ? [] : [{ path, basis: "unsupported", why: fault }],
  };
}

/** For each file that an alternative leads to now, the generic names among `wanted` that lead there. */
export function alternativesAmong(view: RootView, wanted: ReadonlySet<string>): ReadonlyMap<string, readonly string[]> {
  const leads = new Map<string, string[]>();
  for (const name of names(view, `${dpkgFolder}/alternatives`)) {
    const read = view.read(`${dpkgFolder}/alternatives/${name}`, MAX_ALTERNATIVE);
    const links = (read.kind === "bytes" && readAlternative(read.bytes)?.links) || [];
    for (const link of links.filter((link) => wanted.has(link))) {
      const target = view.real(link);
      if (target.kind === "real" && target.path !== link)
        leads.set(target.path, [...(leads.get(target.path) ?? []), link]);
    }
  }
  return leads;
}

/** The entries of a dpkg folder, sorted; none when there is no such folder. Why it could not be read goes to `problems`. */
export function names(view: RootView, folder: string, problems?: InventoryProblem[]): readonly string[] {
  const listed = view.list(folder, MAX_ENTRIES);
  if (listed.kind === "refused") problems?.push(problemOf(folder, listed));
  return listed.kind === "entries" ? listed.entries.map((entry) => entry.name).sort() : [];
}

const MAX_SMALL = 16 * 1024 * 1024;
const MAX_ALTERNATIVE = 256 * 1024;
const MAX_ENTRIES = 200_000;

function* fold(
  view: RootView,
  path: string,
  known: Map<string, Installed>,
  mode: "once" | "again",
): Generator<InventoryProblem> {
  const opened = view.chunks(path);
  if (opened.kind === "refused") yield problemOf(path, opened);
  if (opened.kind !== "chunks") return;
  for (const item of readStatus(opened.chunks)) {
    if (item.kind === "fault") {
      yield { path, basis: "unsupported", why: item.why };
      continue;
    }
    const key = `${item.name}:${item.arch}`;
    if (mode === "once" && known.has(key))
      yield { path, basis: "unsupported", why: `package ${item.name} stands in it twice; the later one is taken` };
    known.set(key, { stanza: item, location: dpkgFolder });
  }
}

function* distroless(view: RootView, known: Map<string, Installed>): Generator<InventoryProblem> {
  for (const file of names(view, statusFolder).filter((name) => !name.endsWith(".md5sums"))) {
    const path = `${statusFolder}/${file}`;
    const opened = view.chunks(path);
    if (opened.kind === "refused") yield problemOf(path, opened);
    if (opened.kind !== "chunks") continue;
    for (const item of readStatus(opened.chunks)) {
      if (item.kind === "fault") yield { path, basis: "unsupported", why: item.why };
      else known.set(`${item.name}:${item.arch}`, { stanza: item, location: statusFolder, file });
    }
  }
}
