import { BlockList, isIP } from "node:net";

/** What somebody says is bad, and who says so. */
export interface Hit {
  readonly indicator: string;
  readonly source: string;
}

const slotWords = 4;

/**
 * Digests and addresses of many lists. Digests lie in one table of 18 bytes each, because a list of five million as strings would be half
 * a gigabyte: of each its first 128 bits, which nobody can meet by chance.
 */
export class IndicatorSet {
  readonly #sources: string[] = [];
  readonly #addresses = new Map<string, number>();
  readonly #networks: { readonly text: string; readonly list: BlockList; readonly source: number }[] = [];
  #words = new Uint32Array(1024 * slotWords);
  #owners = new Uint16Array(1024);
  #digests = 0;

  get size(): number {
    return this.#digests + this.#addresses.size + this.#networks.length;
  }

  /** A number for `addX`. Throws RangeError beyond 60,000 sources. */
  source(name: string): number {
    if (this.#sources.length >= 60_000) throw new RangeError("more than 60,000 sources of indicators");
    return this.#sources.push(name);
  }

  /** SHA-256, 64 lower-case hexadecimal digits. Of two sources the first is named. */
  addDigest(sha256: string, source: number): void {
    if ((this.#digests + 1) * 3 > this.#owners.length * 2) this.#grow();
    const slot = this.#slotOf(wordsOf(sha256));
    if (this.#owners[slot] !== 0) return;
    this.#words.set(wordsOf(sha256), slot * slotWords);
    this.#owners[slot] = source;
    this.#digests += 1;
  }

  /** An address or a network ("192.0.2.0/24"); false: it is neither. */
  addAddress(text: string, source: number): boolean {
    const [address = "", prefix, ...more] = text.split("/");
    const family = isIP(address);
    if (family === 0 || more.length > 0 || address.includes("%")) return false;
    if (prefix === undefined) {
      const key = plain(address);
      if (!this.#addresses.has(key)) this.#addresses.set(key, source);
      return true;
    }
    if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > (family === 4 ? 32 : 128)) return false;
    const list = new BlockList();
    list.addSubnet(address, Number(prefix), family === 4 ? "ipv4" : "ipv6");
    this.#networks.push({ text, list, source });
    return true;
  }

  digest(sha256: string): Hit | undefined {
    const owner = this.#owners[this.#slotOf(wordsOf(sha256))] ?? 0;
    return owner === 0 ? undefined : this.#hit(sha256, owner);
  }

  address(address: string): Hit | undefined {
    const key = plain(address);
    const exact = this.#addresses.get(key);
    if (exact !== undefined) return this.#hit(address, exact);
    const family = isIP(key);
    if (family === 0) return undefined;
    const network = this.#networks.find(({ list }) => list.check(key, family === 4 ? "ipv4" : "ipv6"));
    return network === undefined ? undefined : this.#hit(network.text, network.source);
  }

  #hit(indicator: string, source: number): Hit {
    return { indicator, source: this.#sources[source - 1] ?? "" };
  }

  /** Where it lies, or the free place where it would. */
  #slotOf(words: Uint32Array): number {
    const mask = this.#owners.length - 1;
    for (let slot = (words[0] ?? 0) & mask; ; slot = (slot + 1) & mask) {
      if (this.#owners[slot] === 0) return slot;
      const at = slot * slotWords;
      if (words.every((word, index) => this.#words[at + index] === word)) return slot;
    }
  }

  #grow(): void {
    const [words, owners] = [this.#words, this.#owners];
    this.#words = new Uint32Array(words.length * 2);
    this.#owners = new Uint16Array(owners.length * 2);
    for (const [slot, owner] of owners.entries()) {
      if (owner === 0) continue;
      const one = words.subarray(slot * slotWords, (slot + 1) * slotWords);
      const free = this.#slotOf(one);
      this.#words.set(one, free * slotWords);
      this.#owners[free] = owner;
    }
  }
}

const wordsOf = (sha256: string): Uint32Array =>
  Uint32Array.from({ length: slotWords }, (_unused, at) => Number.parseInt(sha256.slice(at * 8, at * 8 + 8), 16));

/** An IPv4 address that came over a socket of both families is the same address. */
const plain = (address: string): string => address.toLowerCase().replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, "");
