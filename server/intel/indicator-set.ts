import { BlockList, isIP } from "node:net";
import type { EcosystemId } from "@provost/shared/model/inventory.ts";
import { DigestTable, keyOfDigest, keyOfText } from "./digest-table.ts";
import { andAbove, hostName, plainUrl } from "./host-name.ts";
import { ListedPackages } from "./listed-packages.ts";
import type { ListedPackage } from "./listed-packages.ts";

/** What somebody says is bad, and who says so. */
export interface Hit {
  readonly indicator: string;
  readonly source: string;
}

/** Digests, addresses, names of hosts, URLs and packages of many lists. */
export class IndicatorSet {
  readonly #sources: string[] = [];
  readonly #digests = new DigestTable();
  /** Of names and URLs, the digest of their text: what is asked for has the text itself. */
  readonly #names = new DigestTable();
  readonly #packages = new ListedPackages();
  readonly #addresses = new Map<string, number>();
  readonly #networks: { readonly text: string; readonly list: BlockList; readonly source: number }[] = [];

  get size(): number {
    return this.#digests.size + this.#names.size + this.#packages.size + this.#addresses.size + this.#networks.length;
  }

  get hasNames(): boolean {
    return this.#names.size > 0;
  }

  /** A number for `addX`. Throws RangeError beyond 60,000 sources. */
  source(name: string): number {
    if (this.#sources.length >= 60_000) throw new RangeError("more than 60,000 sources of indicators");
    return this.#sources.push(name);
  }

  /** SHA-256, 64 lower-case hexadecimal digits. Of two sources the first is named. */
  addDigest(sha256: string, source: number): void {
    this.#digests.add(keyOfDigest(sha256), source);
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

  /** A host's name, which means everything below it too ("*." before it says the same), or one URL; false: it is neither. */
  addName(text: string, source: number): boolean {
    const name = plainUrl(text)?.url ?? hostName(text.replace(/^\*?\./, ""));
    if (name === undefined) return false;
    this.#names.add(keyOfText(name), source);
    return true;
  }

  addPackage(listed: ListedPackage, source: number): void {
    this.#packages.add(listed, source);
  }

  digest(sha256: string): Hit | undefined {
    return this.#hit(sha256, this.#digests.owner(keyOfDigest(sha256)));
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

  /** The name itself, or the nearest one above it that is listed. */
  host(text: string): Hit | undefined {
    const name = this.hasNames ? hostName(text) : undefined;
    if (name === undefined) return undefined;
    for (const one of andAbove(name)) {
      const owner = this.#names.owner(keyOfText(one));
      if (owner !== 0) return this.#hit(one, owner);
    }
    return undefined;
  }

  /** Exactly this one, as `plainUrl` writes it. */
  url(url: string): Hit | undefined {
    return this.hasNames ? this.#hit(url, this.#names.owner(keyOfText(url))) : undefined;
  }

  /** The hit's indicator is the record's id. */
  package(ecosystem: EcosystemId, name: string, version: string): Hit | undefined {
    const found = this.#packages.find(ecosystem, name, version);
    return found === undefined ? undefined : this.#hit(found.id, found.source);
  }

  #hit(indicator: string, source: number): Hit | undefined {
    return source === 0 ? undefined : { indicator, source: this.#sources[source - 1] ?? "" };
  }
}

/** An IPv4 address that came over a socket of both families is the same address. */
const plain = (address: string): string => address.toLowerCase().replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, "");
