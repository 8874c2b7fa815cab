import { isIP } from "node:net";
import { domainToASCII } from "node:url";

/** A host's name as it is compared: in letters of DNS, lower case, without the dot at its end. Undefined: it is none. */
export function hostName(text: string): string | undefined {
  if (text.length > 400 || !text.includes(".")) return undefined;
  const plain = /^[\u0021-\u007e]+$/.test(text) ? text.toLowerCase() : domainToASCII(text);
  const name = plain.replace(/\.$/, "");
  // The last label of an address is a number, of a name never: RFC 1123 2.1.
  if (name.length > 253 || isIP(name) !== 0 || !pattern.test(name)) return undefined;
  return name;
}

const pattern = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;

/** "a.b.example", "b.example": itself and everything it lies below, but nothing of one label: nobody lists all of "com". */
export function* andAbove(name: string): Generator<string> {
  for (let at = 0; at >= 0;) {
    const rest = name.slice(at);
    const dot = rest.indexOf(".");
    if (dot < 0) return;
    yield rest;
    at += dot + 1;
  }
}

/** A URL as it is compared: without user, fragment and the port that its scheme has anyway. Undefined: it is none of the web. */
export function plainUrl(text: string): { readonly url: string; readonly host: string } | undefined {
  if (text.length > 4096 || !/^(?:https?|ftp|wss?):\/\//i.test(text)) return undefined;
  const parsed = URL.parse(text);
  if (parsed === null || parsed.hostname === "") return undefined;
  return { url: `${parsed.protocol}//${parsed.host}${parsed.pathname}${parsed.search}`, host: parsed.hostname };
}

const bounds = { parts: 64, characters: 4096, names: 20 };

/** What a command line names: URLs, and arguments that are a host's name by themselves ("user@host:path", "host:443", "host/path"). */
export function namedIn(parts: readonly string[]): readonly { readonly host: string; readonly url?: string }[] {
  const found = new Map<string, { readonly host: string; readonly url?: string }>();
  for (const part of parts.slice(0, bounds.parts)) {
    if (found.size >= bounds.names) break;
    if (!part.includes(".")) continue;
    const text = part.slice(0, bounds.characters);
    for (const [whole] of text.matchAll(urls)) {
      const read = plainUrl(whole);
      if (read !== undefined) found.set(read.url, read);
    }
    const bare = text.includes("://") ? undefined : /^(?:[\w.+-]+@)?([^\s@:/?#]+)(?:[:/?#]|$)/.exec(text)?.[1];
    const host = bare === undefined ? undefined : hostName(bare);
    if (host !== undefined) found.set(host, { host });
  }
  return [...found.values()].slice(0, bounds.names);
}

const urls = /(?:https?|ftp|wss?):\/\/[^\s"'`<>|;()\\]{3,2000}/gi;
