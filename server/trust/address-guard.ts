import { BlockList, isIP } from "node:net";

/**
 * A device names the URLs of its archives, so the server must not become its way into places that only the server reaches.
 * Undefined when the URL may be asked for, else the reason.
 */
export function refusesUrl(url: URL, allowPrivate: boolean): string | undefined {
  if (url.protocol !== "http:" && url.protocol !== "https:") return `the scheme ${url.protocol} is not http or https`;
  if (url.username !== "" || url.password !== "") return "the URL carries a user name or password";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0) return refusesAddress(host, allowPrivate);
  if (!allowPrivate && /(^|\.)(localhost|local|internal)\.?$/i.test(host)) return `the host ${host} is a private name`;
  return undefined;
}

/** Judges the address a name resolved to, at the moment of connecting: a name may answer differently the second time. */
export function refusesAddress(address: string, allowPrivate: boolean): string | undefined {
  const family = isIP(address);
  if (family === 0) return `${address} is no address`;
  if (allowPrivate) return undefined;
  const inner = mappedV4(address);
  if (inner !== undefined) return refusesAddress(inner, false);
  return blocked.check(address, family === 6 ? "ipv6" : "ipv4")
    ? `${address} is a loopback, link-local, private or reserved address`
    : undefined;
}

/** IPv4 in IPv6 (RFC 4291 2.5.5.2), NAT64 (RFC 6052) and 6to4 (RFC 3056) carry the address that is really meant. */
function mappedV4(address: string): string | undefined {
  if (isIP(address) !== 6) return undefined;
  const groups = new URL(`http://[${address.replace(/%.*$/, "")}]/`).hostname.slice(1, -1);
  const full = expand(groups);
  const v4 = (high: number, low: number): string => `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  const at = (index: number): number => full[index] ?? 0;
  if (full.slice(0, 5).every((group) => group === 0) && at(5) === 0xffff) return v4(at(6), at(7));
  if (at(0) === 0x64 && at(1) === 0xff9b) return v4(at(6), at(7));
  return at(0) === 0x2002 ? v4(at(1), at(2)) : undefined;
}

function expand(text: string): readonly number[] {
  const [front = "", back] = text.split("::");
  const numbers = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  if (back === undefined) return numbers(front);
  const head = numbers(front);
  const tail = numbers(back);
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
}

const blocked = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const)
  blocked.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of [
  ["::", 128],
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const)
  blocked.addSubnet(network, prefix, "ipv6");
