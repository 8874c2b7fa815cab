import { hash } from "node:crypto";

/** The first 128 bits of a digest, as four words. */
export type Key = Uint32Array;

/** SHA-256 as 64 lower-case hexadecimal digits. */
export function keyOfDigest(sha256: string): Key {
  const key = new Uint32Array(words);
  for (let at = 0; at < words; at += 1) key[at] = Number.parseInt(sha256.slice(at * 8, at * 8 + 8), 16);
  return key;
}

/** Of a text, the SHA-256 of it. */
export function keyOfText(text: string): Key {
  const digest = hash("sha256", text, "buffer");
  const key = new Uint32Array(words);
  for (let at = 0; at < words; at += 1) key[at] = digest.readUInt32BE(at * 4);
  return key;
}

const words = 4;

/**
 * Digests with a small number each, in one open-addressed table of 18 bytes for each: of each its first 128 bits, which nobody can meet
 * by chance. A list of five million as strings would be half a gigabyte.
 */
export class DigestTable {
  #words = new Uint32Array(1024 * words);
  #owners = new Uint16Array(1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Of two owners the first stays. */
  add(key: Key, owner: number): void {
    if ((this.#size + 1) * 3 > this.#owners.length * 2) this.#grow();
    const slot = this.#slotOf(key, 0);
    if (this.#owners[slot] !== 0) return;
    this.#words.set(key, slot * words);
    this.#owners[slot] = owner;
    this.#size += 1;
  }

  /** 0: it is not there. */
  owner(key: Key): number {
    return this.#size === 0 ? 0 : (this.#owners[this.#slotOf(key, 0)] ?? 0);
  }

  /** Where the four words of `from` after `at` lie, or the free place where they would. */
  #slotOf(from: Uint32Array, at: number): number {
    const [table, owners] = [this.#words, this.#owners];
    const mask = owners.length - 1;
    for (let slot = (from[at] ?? 0) & mask; ; slot = (slot + 1) & mask) {
      const place = slot * words;
      const isThere =
        table[place] === from[at] &&
        table[place + 1] === from[at + 1] &&
        table[place + 2] === from[at + 2] &&
        table[place + 3] === from[at + 3];
      if (isThere || owners[slot] === 0) return slot;
    }
  }

  #grow(): void {
    const [table, owners] = [this.#words, this.#owners];
    this.#words = new Uint32Array(table.length * 2);
    this.#owners = new Uint16Array(owners.length * 2);
    for (let slot = 0; slot < owners.length; slot += 1) {
      const owner = owners[slot] ?? 0;
      if (owner === 0) continue;
      const free = this.#slotOf(table, slot * words);
      for (let at = 0; at < words; at += 1) this.#words[free * words + at] = table[slot * words + at] ?? 0;
      this.#owners[free] = owner;
    }
  }
}
