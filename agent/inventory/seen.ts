import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, renameSync, writevSync } from "node:fs";
import type { FileIdentity } from "@provost/shared/model/inventory.ts";

/** Its name in the agent's state folder. */
export const seenFile = "seen.bin";

/**
 * Which files were looked into and are not executable: a set of exact identities (device, inode, size, change time), kept as
 * four columns in open addressing so that 400,000 of them cost 17 MB and load in milliseconds. It is a cache: a file that
 * does not match its checksum is ignored, and the next pass looks again.
 */
export class SeenFiles {
  readonly #slots: number;
  readonly #dev: Float64Array;
  readonly #ino: Float64Array;
  readonly #size: Float64Array;
  readonly #ctime: Float64Array;
  #count = 0;

  constructor(slots: number) {
    this.#slots = Math.max(fewestSlots, Math.ceil(slots));
    this.#dev = new Float64Array(this.#slots);
    this.#ino = new Float64Array(this.#slots);
    this.#size = new Float64Array(this.#slots);
    this.#ctime = new Float64Array(this.#slots);
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count >= this.#slots / 1.2;
  }

  has(dev: number, ino: number, size: number, ctimeMs: number): boolean {
    const at = this.#find(dev, ino);
    return this.#ino[at] === ino && this.#dev[at] === dev && this.#size[at] === size && this.#ctime[at] === ctimeMs;
  }

  /** False when the set is full: the file will be looked into again next time, which is slow but never wrong. */
  add(dev: number, ino: number, size: number, ctimeMs: number): boolean {
    const at = this.#find(dev, ino);
    if (this.#ino[at] === 0) {
      if (this.isFull) return false;
      this.#count += 1;
    }
    this.#dev[at] = dev;
    this.#ino[at] = ino;
    this.#size[at] = size;
    this.#ctime[at] = ctimeMs;
    return true;
  }

  *identities(): Generator<FileIdentity> {
    for (let at = 0; at < this.#slots; at += 1) {
      const ino = this.#ino[at] ?? 0;
      if (ino !== 0) yield { dev: this.#dev[at] ?? 0, ino, size: this.#size[at] ?? 0, ctimeMs: this.#ctime[at] ?? 0 };
    }
  }

  columns(): readonly Float64Array[] {
    return [this.#dev, this.#ino, this.#size, this.#ctime];
  }

  /** Open addressing stays quick while a third of the slots is free. */
  static forFiles(capacity: number): SeenFiles {
    return new SeenFiles(capacity * 1.4);
  }

  /** After `loadSeen` has filled the columns itself. Wrong counts would let a full table be searched for ever. */
  recount(): number {
    this.#count = this.#ino.reduce((count, ino) => (ino === 0 ? count : count + 1), 0);
    return this.#count;
  }

  get slots(): number {
    return this.#slots;
  }

  /** Inode 0 marks an empty slot; no file system gives it to a file. */
  #find(dev: number, ino: number): number {
    let at = (ino * 7 + dev * 31) % this.#slots;
    while (this.#ino[at] !== 0 && (this.#ino[at] !== ino || this.#dev[at] !== dev))
      at = at + 1 === this.#slots ? 0 : at + 1;
    return at;
  }
}

const magic = "PROVOSTSEEN2";
const headBytes = 64;
const largest = 20_000_000;
const fewestSlots = 1024;

/** Undefined where there is none, or where it is damaged. */
export function loadSeen(path: string): SeenFiles | undefined {
  let handle: number;
  try {
    handle = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    const head = Buffer.alloc(headBytes);
    if (readSync(handle, head, 0, headBytes, 0) !== headBytes || head.toString("latin1", 0, magic.length) !== magic)
      return undefined;
    const slots = head.readUInt32LE(16);
    const count = head.readUInt32LE(20);
    if (slots < fewestSlots || slots > largest || count > slots || fstatSync(handle).size !== headBytes + slots * 32)
      return undefined;
    const seen = new SeenFiles(slots);
    let at = headBytes;
    for (const column of seen.columns()) at += readSync(handle, Buffer.from(column.buffer), 0, column.byteLength, at);
    return checksum(seen).equals(head.subarray(32, 64)) && seen.recount() === count ? seen : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(handle);
  }
}

export function saveSeen(path: string, seen: SeenFiles): void {
  const head = Buffer.alloc(headBytes);
  head.write(magic, "latin1");
  head.writeUInt32LE(seen.slots, 16);
  head.writeUInt32LE(seen.count, 20);
  checksum(seen).copy(head, 32);
  const handle = openSync(`${path}.new`, "w", 0o600);
  try {
    writevSync(handle, [head, ...seen.columns().map((column) => Buffer.from(column.buffer))]);
  } finally {
    closeSync(handle);
  }
  renameSync(`${path}.new`, path);
}

function checksum(seen: SeenFiles): Buffer {
  const hash = createHash("sha256");
  for (const column of seen.columns()) hash.update(Buffer.from(column.buffer));
  return hash.digest();
}
