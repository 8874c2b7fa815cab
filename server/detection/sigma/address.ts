/** Addresses of IPv4 and IPv6, read strictly, and the networks they lie in. */
export interface Address {
  readonly version: 4 | 6;
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
}

export function readAddress(text: string): Address | undefined {
  if (text.length > 64) return undefined;
  if (!text.includes(":")) {
    const bytes = four(text);
    return bytes === undefined ? undefined : { version: 4, bytes };
  }
  const bytes = sixteen(text);
  if (bytes === undefined) return undefined;
  // ::ffff:a.b.c.d is how a socket of IPv6 names a neighbour that speaks IPv4.
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? { version: 4, bytes: bytes.slice(12) } : { version: 6, bytes };
}

/** `10.0.0.0/8`, `fe80::/10`, or one address alone. */
export function readNetwork(text: string): { readonly network: Address; readonly bits: number } | undefined {
  const [head = "", tail, ...more] = text.split("/");
  const network = readAddress(head);
  if (network === undefined || more.length > 0) return undefined;
  const most = network.bytes.length * 8;
  if (tail === undefined) return { network, bits: most };
  if (!/^\d{1,3}$/.test(tail)) return undefined;
  // A network of mapped addresses counts its bits from the front of all sixteen bytes.
  const bits = Number(tail) - (network.version === 4 && head.includes(":") ? 96 : 0);
  return bits < 0 || bits > most ? undefined : { network, bits };
}

export function lies(address: Address, network: Address, bits: number): boolean {
  if (address.version !== network.version) return false;
  for (let at = 0, left = bits; left > 0; at++, left -= 8) {
    const mask = left >= 8 ? 0xff : (0xff << (8 - left)) & 0xff;
    if (((address.bytes[at] ?? 0) & mask) !== ((network.bytes[at] ?? 0) & mask)) return false;
  }
  return true;
}

function four(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function sixteen(text: string): readonly number[] | undefined {
  const halves = text.replace(/%[\w.-]+$/, "").split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(groups);
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 16 ? head : undefined;
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  return [...head, ...Array.from({ length: 16 - head.length - tail.length }, () => 0), ...tail];
}

function groups(text: string): readonly number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [at, part] of parts.entries()) {
    const quad = at === parts.length - 1 && part.includes(".") ? four(part) : undefined;
    if (quad !== undefined) bytes.push(...quad);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part))
      bytes.push(Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 0xff);
    else return undefined;
  }
  return bytes;
}
