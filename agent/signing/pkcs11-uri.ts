import { signingFailed } from "./signing-failed.ts";

/** Which key in which token, and how to reach it (RFC 7512). */
export interface Pkcs11Key {
  readonly module: string;
  readonly token: string | undefined;
  readonly label: string | undefined;
  /** Hexadecimal. */
  readonly id: string | undefined;
  /** A file that holds the PIN. */
  readonly pinFile: string | undefined;
}

/** A PIN inside the address is refused: every user of the machine can read the arguments of a command. */
export function readPkcs11Uri(text: string, env: Readonly<Record<string, string | undefined>>): Pkcs11Key {
  const [path = "", query = ""] = text.slice("pkcs11:".length).split("?", 2);
  const attributes = new Map([...pairs(path, ";"), ...pairs(query, "&")]);
  if (attributes.has("pin-value"))
    throw refused("it holds a PIN", "take pin-value out; set PROVOST_PKCS11_PIN or name a file with pin-source");
  for (const name of attributes.keys())
    if (!known.has(name)) throw refused(`its attribute ${name} is not read`, `use ${[...known].join(", ")}`);
  if ((attributes.get("type") ?? "private") !== "private") throw refused("it names no private key", "use type=private");
  const module = attributes.get("module-path") ?? env["PROVOST_PKCS11_MODULE"] ?? "";
  if (!module.startsWith("/"))
    throw refused("it does not say which module to load", "add ?module-path=/usr/lib/... or set PROVOST_PKCS11_MODULE");
  const [label, id] = [attributes.get("object"), attributes.get("id")];
  if (label === undefined && id === undefined) throw refused("it names no key", "add object=LABEL or id=%01%02");
  return {
    module,
    label,
    token: attributes.get("token"),
    id: id === undefined ? undefined : Buffer.from(id, "latin1").toString("hex"),
    pinFile: attributes.get("pin-source")?.replace(/^file:(?:\/\/)?/, ""),
  };
}

const known = new Set(["token", "object", "id", "type", "module-path", "pin-source"]);

function pairs(text: string, separator: string): readonly (readonly [string, string])[] {
  return text
    .split(separator)
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=");
      if (at <= 0) throw refused(`"${pair.slice(0, 50)}" is no attribute`, "write name=value");
      const name = pair.slice(0, at);
      return [name, name === "id" ? latin1(pair.slice(at + 1)) : utf8(pair.slice(at + 1))] as const;
    });
}

/** An id is bytes, not text. */
const latin1 = (value: string): string =>
  value.replace(/%([0-9a-fA-F]{2})/g, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

function utf8(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw refused("its percent signs do not stand for characters", "see RFC 7512 2.3");
  }
}

const refused = (why: string, remedy: string) => signingFailed(`the PKCS#11 address cannot be used: ${why}`, remedy);
