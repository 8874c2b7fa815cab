import { pathText } from "../../lib/path-text.ts";
import { unreadable, unsupported } from "../refusal.ts";

/**
 * "./usr/bin/x" and "usr/bin/x/" become "usr/bin/x"; the archive's own root becomes ".". A name that could lead out of the folder an archive is unpacked
 * into, or that two readers would spell in two ways, refuses the archive: what it installs would not be what its listing says.
 */
export function entryPath(name: Uint8Array, maxBytes: number): string {
  if (name.length > maxBytes) throw unreadable(`a name of ${name.length} bytes, more than ${maxBytes}`);
  if (name.length === 0) throw unreadable("an entry without a name");
  if (name.includes(0)) throw unreadable(`a name with a NUL byte: ${pathText(name)}`);
  if (!isUtf8(name)) throw unsupported(`a name that is not UTF-8: ${pathText(name)}`);
  const text = pathText(name);
  if (text.startsWith("/")) throw unreadable(`the absolute path ${text}`);
  const bare = text.replace(/^\.\//, "").replace(/\/$/, "");
  if (bare === "" || bare === ".") return ".";
  for (const segment of bare.split("/"))
    if (segment === "" || segment === "." || segment === "..") throw unreadable(`the unsafe path ${text}`);
  return bare;
}

export function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
