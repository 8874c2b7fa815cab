import { unreadable } from "../refusal.ts";
import { contents, expectTag, inside, oidText, readDer, tags, whole, type Der } from "./der.ts";
import { plainText } from "./plain-text.ts";

/**
 * A subject as text, after RFC 4514: the most specific part first, "CN=Example,O=Example\\, Inc.,C=DE". One name has one text and one
 * text one name, so that a rule may compare it; a value of a type without a short name stands in hexadecimal.
 */
export function nameText(name: Buffer): string {
  const parts = inside(expectTag(readDer(name), tags.sequence, "a certificate's name"));
  if (parts.length === 0) throw unreadable("a certificate has an empty name");
  return parts.map(relativeName).toReversed().join(",");
}

function relativeName(part: Der): string {
  return inside(expectTag(part, tags.set, "a certificate's name"))
    .map(attributeText)
    .join("+");
}

function attributeText(attribute: Der): string {
  const [type, value, more] = inside(expectTag(attribute, tags.sequence, "a certificate's name"));
  if (value === undefined || more !== undefined) throw unreadable("a certificate's name is malformed");
  const id = oidText(expectTag(type, tags.oid, "a certificate's name"));
  const [short, text] = [shortNames.get(id), valueText(value)];
  return short === undefined || text === undefined
    ? `${id}=#${whole(value).toString("hex")}`
    : `${short}=${escaped(text)}`;
}

const shortNames: ReadonlyMap<string, string> = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.5", "serialNumber"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.9", "STREET"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
  ["2.5.4.15", "businessCategory"],
  ["2.5.4.17", "postalCode"],
  ["0.9.2342.19200300.100.1.1", "UID"],
  ["0.9.2342.19200300.100.1.25", "DC"],
  ["1.2.840.113549.1.9.1", "emailAddress"],
]);

function valueText(value: Der): string | undefined {
  switch (value.tag) {
    case tags.utf8String:
    case 0x13: // PrintableString
    case 0x16: // IA5String
      return plainText(contents(value));
    case 0x14: // TeletexString, as it is used: Latin-1
      return plainText(contents(value), "latin1");
    case 0x1e: // BMPString
      return plainText(contents(value), "utf16be");
    default:
      return undefined;
  }
}

/** RFC 4514 2.4. */
const escaped = (text: string): string => text.replace(/[,+"\\<>;=]|^[ #]| $/g, (one) => `\\${one}`);
