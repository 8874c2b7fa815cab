import type { Stats } from "node:fs";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { safeText } from "@provost/shared/lib/path-text.ts";
import type { FileIdentity, FileKind } from "@provost/shared/model/inventory.ts";
import { identityOf, sameIdentity } from "../identity/hash.ts";
import type { Found } from "../ecosystems/ecosystem.ts";
import type { MountPlan } from "./mounts.ts";
import { SeenFiles } from "./seen.ts";
import { sniff, sniffBytes } from "./sniff.ts";
import { isDataName } from "./data-names.ts";
import { walk } from "./walk.ts";

/** An executable file as the walk met it. `path` is absolute on the device, whatever root it belongs to. */
export interface Candidate {
  readonly path: string;
  readonly identity: FileIdentity;
  readonly mode: number;
  readonly uid: number;
  readonly kind: FileKind;
  /** The same identity as at the last pass: nothing to hash. */
  readonly unchanged: boolean;
  readonly unreadable?: string;
}

export interface Blind {
  readonly what: string;
  readonly count: number;
  readonly why: string;
}

export interface Survey {
  readonly filesSeen: number;
  readonly candidates: readonly Candidate[];
  /** The host's own root first, then every folder that holds a dpkg database of its own. */
  readonly roots: readonly Found[];
  readonly blind: readonly Blind[];
  /** Folders that could not be entered: what was known below them is neither seen nor gone. */
  readonly closed: readonly string[];
  readonly seen: SeenFiles;
  /** Changes when a package database, a package folder's manifest or a lockfile changes. */
  readonly fingerprint: string;
}

export interface SurveyInput {
  readonly plan: MountPlan;
  readonly excluded: ReadonlySet<string>;
  readonly seen: SeenFiles;
  /** Also look into files that are named as data and lack the execute permission. */
  readonly deep: boolean;
  /** Whether any known file has this inode number: nine of ten need no look-up by their path then. */
  mayBeKnown(inode: number): boolean;
  knownAt(path: string): { readonly identity: FileIdentity; readonly kind: FileKind } | undefined;
  progress(filesSeen: number, executables: number): void;
}

/** One walk over the disk: which files are executable, and where the package ecosystems keep their books. */
export function survey(input: SurveyInput): Survey {
  const candidates: Candidate[] = [];
  const places = {
    nodeModules: [] as string[],
    distInfos: [] as string[],
    lockfiles: [] as string[],
    dpkg: [] as string[],
  };
  const blind = new BlindSpots();
  const closed: string[] = [];
  let seen = input.seen;
  let filesSeen = 0;
  let fingerprint = 0;
  let passedOver = 0;

  const remember = (stats: Stats): void => {
    if (!seen.add(stats.dev, stats.ino, stats.size, stats.ctimeMs)) {
      seen = grown(seen);
      seen.add(stats.dev, stats.ino, stats.size, stats.ctimeMs);
    }
  };

  walk(
    input.plan,
    {
      file(folder, name, open, stats) {
        filesSeen += 1;
        if (filesSeen % 4096 === 0) input.progress(filesSeen, candidates.length);
        if (books.has(name)) {
          fingerprint = (fingerprint * 31 + stats.ino * 7 + stats.ctimeMs + stats.size) % 9007199254740881;
          noteBook(folder, name, places);
        }
        if (stats.size < 3 || seen.has(stats.dev, stats.ino, stats.size, stats.ctimeMs)) return;
        const isNamedAsData = !input.deep && (stats.mode & 0o111) === 0 && isDataName(name);
        const mayBeKnown = input.mayBeKnown(stats.ino);
        if (isNamedAsData && !mayBeKnown) {
          passedOver += 1;
          return;
        }
        const path = folder === "/" ? `/${name}` : `${folder}/${name}`;
        const identity = identityOf(stats);
        const known = mayBeKnown ? input.knownAt(path) : undefined;
        const common = { path, identity, mode: stats.mode, uid: stats.uid };
        if (known !== undefined && sameIdentity(known.identity, identity)) {
          candidates.push({ ...common, kind: known.kind, unchanged: true });
          return;
        }
        if (isNamedAsData) {
          passedOver += 1;
          return;
        }
        const looked = lookInto(open, stats.mode, name);
        if (looked.kind !== undefined) candidates.push({ ...common, kind: looked.kind, unchanged: false });
        else if (looked.why === undefined) remember(stats);
        else if ((stats.mode & 0o111) === 0) blind.add("files without the execute permission", looked.why.many);
        else
          candidates.push({
            ...common,
            kind: "elf",
            unchanged: false,
            unreadable: looked.why.one,
          });
      },
      folder(path, name) {
        if (name === "node_modules") places.nodeModules.push(path);
        else if (name.endsWith(".dist-info") || name.endsWith(".egg-info")) places.distInfos.push(path);
        return true;
      },
      blind(path, why) {
        blind.add("folders", why);
        closed.push(path);
      },
    },
    input.excluded,
  );
  if (passedOver > 0)
    blind.add(
      "files named as data, without the execute permission",
      "they are judged when they run; a deep scan looks into each",
      passedOver,
    );
  for (const mount of input.plan.blind) blind.add(`files below ${mount.point}`, mount.why);
  return {
    filesSeen,
    candidates,
    roots: rootsOf(places),
    blind: blind.list(),
    closed,
    seen,
    fingerprint: `${fingerprint}:${places.nodeModules.length}:${places.distInfos.length}:${places.dpkg.length}`,
  };
}

/** Files whose change means that what is installed may have changed. */
const books = new Set([
  "package.json",
  "package-lock.json",
  ".package-lock.json",
  "npm-shrinkwrap.json",
  "METADATA",
  "PKG-INFO",
  "RECORD",
  "status",
  "diversions",
]);

interface Places {
  readonly nodeModules: string[];
  readonly distInfos: string[];
  readonly lockfiles: string[];
  readonly dpkg: string[];
}

function noteBook(folder: string, name: string, places: Places): void {
  if (name === "status" && folder.endsWith(dpkgFolder)) places.dpkg.push(folder.slice(0, -dpkgFolder.length));
  else if (name.endsWith("-lock.json") || name === "npm-shrinkwrap.json") places.lockfiles.push(`${folder}/${name}`);
  if (name === "PKG-INFO" && !folder.endsWith(".egg-info")) return;
}

const dpkgFolder = "/var/lib/dpkg";

/** A folder with a dpkg database of its own is the root of a chroot or an unpacked container image. */
function rootsOf(places: Places): readonly Found[] {
  const nested = [...new Set(places.dpkg)].filter((root) => root !== "").toSorted((a, b) => b.length - a.length);
  const cut = (paths: readonly string[], root: string): string[] =>
    paths.filter((path) => rootOf(path, nested) === root).map((path) => path.slice(root.length));
  return ["", ...nested].map((root) => ({
    root,
    nodeModules: cut(places.nodeModules, root),
    distInfos: cut(places.distInfos, root),
    lockfiles: cut(places.lockfiles, root),
  }));
}

/** The longest of `roots` (longest first) that holds `path`; "" for the device's own. */
export const rootOf = (path: string, roots: readonly string[]): string =>
  roots.find((root) => path.startsWith(`${root}/`)) ?? "";

const head = Buffer.alloc(sniffBytes);

/** A reason as one file's row tells it, and as the count of many does. */
interface Why {
  readonly one: string;
  readonly many: string;
}

const denied: Why = { one: "this user may not read it", many: "this user may not read them" };
const cannotBeOpened = (code: string): Why => ({
  one: `it cannot be opened (${safeText(code)})`,
  many: `they cannot be opened (${safeText(code)})`,
});

function lookInto(open: string | Buffer, mode: number, name: string): { readonly kind?: FileKind; readonly why?: Why } {
  let handle: number;
  try {
    handle = openSync(open, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    if (code === "ENOENT" || code === "ELOOP") return {};
    return { why: code === "EACCES" || code === "EPERM" ? denied : cannotBeOpened(code) };
  }
  try {
    const kind = sniff(head, readSync(handle, head, 0, sniffBytes, 0), mode, name);
    return kind === undefined ? {} : { kind };
  } catch {
    return { why: { one: "the disk reports an error", many: "the disk reports an error" } };
  } finally {
    closeSync(handle);
  }
}

function grown(full: SeenFiles): SeenFiles {
  const larger = new SeenFiles(full.slots * 2);
  for (const { dev, ino, size, ctimeMs } of full.identities()) larger.add(dev, ino, size, ctimeMs);
  return larger;
}

class BlindSpots {
  readonly #counts = new Map<string, { what: string; why: string; count: number }>();

  add(what: string, why: string, count = 1): void {
    const key = `${what}\n${why}`;
    const entry = this.#counts.get(key);
    if (entry !== undefined) entry.count += count;
    else if (this.#counts.size < 200) this.#counts.set(key, { what, why, count });
  }

  list(): readonly Blind[] {
    return [...this.#counts.values()];
  }
}
