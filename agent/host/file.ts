import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  unlinkSync,
} from "node:fs";
import type { Stats } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { pathBytes, pathText } from "@provost/shared/lib/path-text.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { hashFile, openWhy } from "../identity/hash.ts";

/**
 * The sealed vault. A file is renamed into a folder that only root may enter, on its own file system, so that the very inode stays:
 * with its owner, extended attributes (file capabilities are one), times and hard links, and without a byte being copied: a full disk is
 * no obstacle. Its mode is taken away, so that not even root can execute it there. Putting it back gives the inode its name again.
 */
export interface Sealed {
  readonly root: string;
  readonly path: string;
  readonly sha256: Sha256;
  /** Path text. */
  readonly vault: string;
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Other names of the same inode, which stay where they are. */
  readonly otherNames: number;
}

const vaultName = ".provost-vault";
/** In one vault: no order fills a folder without an end. */
const mostSealed = 10_000;

/** Where this file would lie in the vault. Written to the journal before anything moves. Throws with the reason why it may not be sealed. */
export function planSeal(id: string, root: string, path: string, sha256: Sha256): Sealed {
  const place = placeOf(root, path);
  return inFolder(place, (name) => {
    const stat = lstatSync(name, { throwIfNoEntry: false });
    if (stat === undefined) throw new AppError("NOT_FOUND", `${root}${path} is not there any more`);
    if (!stat.isFile()) throw new AppError("NOT_ALLOWED", `${root}${path} is not a regular file`);
    const vault = join(vaultFolder(mountOf(dirname(latin(place))), id), id);
    return {
      root,
      path,
      sha256,
      vault: pathText(Buffer.from(vault, "latin1")),
      dev: stat.dev,
      ino: stat.ino,
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      otherNames: stat.nlink - 1,
    };
  });
}

/** Throws where what lies there is not what was to be sealed; then nothing has moved. */
export function seal(plan: Sealed): void {
  const said = `${plan.root}${plan.path}`;
  openVault(plan);
  const vault = vaultOf(plan);
  // An agent that was killed here has moved it already.
  if (isIt(lstatSync(vault, { throwIfNoEntry: false }), plan)) return chmodSync(vault, 0);
  inFolder(placeOf(plan.root, plan.path), (name, parent) => {
    const hashed = hashFile(name, new Set());
    if (!hashed.ok) throw new AppError("NOT_ALLOWED", `${said} cannot be read: ${hashed.why}`);
    if (hashed.sha256 !== plan.sha256)
      throw new AppError("NOT_ALLOWED", `${said} has other bytes now; they are not what was to be sealed`);
    if (!isIt(hashed.identity, plan)) throw new AppError("NOT_ALLOWED", `another file lies at ${said} now`);
    renameSync(name, vault);
    // Exchanged between the look and the rename: what was moved goes back.
    if (!isIt(lstatSync(vault), plan)) {
      renameSync(vault, name);
      throw new AppError("NOT_ALLOWED", `${said} was exchanged while it was sealed`);
    }
    chmodSync(vault, 0);
    fsyncSync(parent);
  });
}

export function isSealed(plan: Sealed): boolean {
  const there = lstatSync(vaultOf(plan), { throwIfNoEntry: false });
  if (there === undefined || !isIt(there, plan) || (there.mode & 0o7777) !== 0) return false;
  return !isIt(lstatSync(placeOf(plan.root, plan.path), { throwIfNoEntry: false }), plan);
}

/** It has its name again and everything that it had. */
export function isRestored(plan: Sealed): boolean {
  const there = lstatSync(placeOf(plan.root, plan.path), { throwIfNoEntry: false });
  return there !== undefined && isIt(there, plan) && (there.mode & 0o7777) === plan.mode;
}

/** Puts it back. Throws where something else lies there meanwhile: then it stays sealed. */
export function unseal(plan: Sealed): void {
  const said = `${plan.root}${plan.path}`;
  const vault = vaultOf(plan);
  inFolder(placeOf(plan.root, plan.path), (name, parent) => {
    const isInVault = isIt(lstatSync(vault, { throwIfNoEntry: false }), plan);
    const now = lstatSync(name, { throwIfNoEntry: false });
    const isBack = isIt(now, plan);
    if (!isInVault && !isBack) throw new AppError("NOT_FOUND", `the vault does not have ${said} any more`);
    if (now !== undefined && !isBack)
      throw new AppError("NOT_ALLOWED", `something else lies at ${said}; move it away, and it can be put back`);
    // A second name instead of a rename: it takes no other file's place, whoever puts one there at this moment.
    if (!isBack) linkSync(vault, name);
    // Its owner is still its owner: a change of it, also to the same, would take file capabilities away.
    chmodSync(name, plan.mode);
    if (isInVault) unlinkSync(vault);
    fsyncSync(parent);
  });
}

const isIt = (there: { readonly dev: number; readonly ino: number } | undefined, { dev, ino }: Sealed): boolean =>
  there?.dev === dev && there.ino === ino;

const vaultOf = ({ vault }: Sealed): Buffer => Buffer.from(pathBytes(vault) ?? []);

/** Whoever owns the top of a file system could take our name there; an order's own name is not known before. */
function vaultFolder(mount: string, id: string): string {
  const usual = join(mount, vaultName);
  const there = lstatSync(Buffer.from(usual, "latin1"), { throwIfNoEntry: false });
  return there === undefined || isOurs(there) ? usual : `${usual}-${id}`;
}

const isOurs = (folder: Stats): boolean => folder.isDirectory() && folder.uid === process.geteuid?.();

/** The vault's folder is made, or found to be ours: in a folder that everybody writes to it could be anybody's, or lead elsewhere. */
function openVault({ vault }: Sealed): void {
  const folder = Buffer.from(pathBytes(dirname(vault)) ?? []);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST"))
      throw new AppError("NOT_ALLOWED", `the vault ${dirname(vault)} cannot be made: ${String(cause)}`, { cause });
  }
  const found = lstatSync(folder);
  if (!isOurs(found))
    throw new AppError("NOT_ALLOWED", `${dirname(vault)} is not the agent's own folder; somebody else made it`, {
      remedy: "see who made it, and remove it",
    });
  const handle = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fchmodSync(handle, 0o700);
  } finally {
    closeSync(handle);
  }
  if (readdirSync(folder).length >= mostSealed)
    throw new AppError("LIMIT", `the vault ${dirname(vault)} is full: it holds ${mostSealed} files`, {
      remedy: "restore or delete what is sealed (provost quarantine list)",
    });
}

/** Calls with the file's name below a handle of its folder, which no symbolic link led to. */
function inFolder<T>(place: Buffer, work: (name: Buffer, parent: number) => T): T {
  const folder = dirname(latin(place));
  const parent = openFolder(folder);
  try {
    if (readlinkSync(`/proc/self/fd/${parent}`, { encoding: "latin1" }) !== folder)
      throw new AppError("NOT_ALLOWED", `${pathText(place)} is reached through a symbolic link`);
    return work(
      Buffer.concat([Buffer.from(`/proc/self/fd/${parent}/`), Buffer.from(basename(latin(place)), "latin1")]),
      parent,
    );
  } finally {
    closeSync(parent);
  }
}

function openFolder(folder: string): number {
  const bytes = Buffer.from(folder, "latin1");
  try {
    return openSync(bytes, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    throw new AppError("NOT_FOUND", `the folder ${pathText(bytes)} cannot be used: ${openWhy(cause)}`, { cause });
  }
}

/** Path text as bytes, with every `..` refused. */
function placeOf(root: string, path: string): Buffer {
  const bytes = pathBytes(root + path);
  const isWhole = (root + path).startsWith("/") && path.startsWith("/");
  const odd = `${root}/${path}`.split("/").some((part) => part === ".." || part === ".");
  if (bytes === undefined || !isWhole || odd || path.endsWith("/") || root.endsWith("/") || bytes.includes(0))
    throw new AppError("NOT_ALLOWED", `${root}${path} is not a path that an order may name`);
  return Buffer.from(bytes);
}

const latin = (bytes: Buffer): string => bytes.toString("latin1");

/** The folder at which the file's own file system is mounted: the innermost mount that the file lies below. */
function mountOf(folder: string): string {
  const [mount] = readFileSync("/proc/self/mountinfo", "latin1")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((place) => place.replace(/\\(\d{3})/g, (_all, octal: string) => String.fromCharCode(parseInt(octal, 8))))
    .filter((place) => place === "/" || folder === place || folder.startsWith(`${place}/`))
    .toSorted((a, b) => b.length - a.length);
  if (mount === undefined)
    throw new AppError("NOT_ALLOWED", `no mount holds ${pathText(Buffer.from(folder, "latin1"))}`);
  return mount;
}
