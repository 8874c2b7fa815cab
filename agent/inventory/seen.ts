import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { FileIdentity } from "@provost/shared/model/inventory.ts";

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

  constructor(capacity: number) {
    this.#slots = Math.max(1024, Math.ceil(capacity * 1.4));
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

  static from(slots: number, count: number, bytes: Buffer): SeenFiles {
    const seen = new SeenFiles(slots / 1.4);
    for (const [index, column] of seen.columns().entries())
      Buffer.from(column.buffer).set(bytes.subarray(index * slots * 8, (index + 1) * slots * 8));
    seen.#count = count;
    return seen;
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

const magic = "PROVOSTSEEN1";
const headBytes = 64;

/** An empty set where there is none, or where it is damaged. */
export function loadSeen(path: string): SeenFiles | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return undefined;
  }
  if (bytes.length < headBytes || bytes.toString("latin1", 0, magic.length) !== magic) return undefined;
  const slots = bytes.readUInt32LE(16);
  const count = bytes.readUInt32LE(20);
  const body = bytes.subarray(headBytes);
  const damaged = body.length !== slots * 32 || count > slots || !checksum(body).equals(bytes.subarray(32, 64));
  return damaged ? undefined : SeenFiles.from(slots, count, body);
}

export function saveSeen(path: string, seen: SeenFiles): void {
  const body = Buffer.concat(seen.columns().map((column) => Buffer.from(column.buffer)));
  const head = Buffer.alloc(headBytes);
  head.write(magic, "latin1");
  head.writeUInt32LE(seen.slots, 16);
  head.writeUInt32LE(seen.count, 20);
  checksum(body).copy(head, 32);
  writeFileSync(`${path}.new`, Buffer.concat([head, body]), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

const checksum = (body: Buffer): Buffer => createHash("sha256").update(body).digest();
