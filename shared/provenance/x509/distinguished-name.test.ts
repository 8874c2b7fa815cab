import { expect, test } from "vitest";
import { der, oid, sequence, set } from "../../../test/support/forge-cms.ts";
import { nameText } from "./distinguished-name.ts";

const part = (type: string, tag: number, text: string | Uint8Array): Buffer =>
  sequence(oid(type), der(tag, Buffer.from(text)));
const [cn, o, c, other] = ["2.5.4.3", "2.5.4.10", "2.5.4.6", "1.2.3.4"];
const [utf8, printable, ia5, teletex, bmp] = [0x0c, 0x13, 0x16, 0x14, 0x1e];

test.each<[string, readonly Buffer[], string]>([
  [
    "the most specific first",
    [set(part(c, printable, "DE")), set(part(o, utf8, "Ex")), set(part(cn, utf8, "P"))],
    "CN=P,O=Ex,C=DE",
  ],
  ["two values at once", [set(part(cn, utf8, "P"), part(o, utf8, "Ex"))], "CN=P+O=Ex"],
  ["what has a meaning escaped", [set(part(o, utf8, 'a,b+c"d\\e<f>g;h=i'))], 'O=a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h\\=i'],
  ["spaces at the ends and a leading #", [set(part(o, utf8, " a ")), set(part(cn, utf8, "#b"))], "CN=\\#b,O=\\ a\\ "],
  [
    "every kind of text",
    [set(part(o, teletex, Buffer.from([0xe9]))), set(part(cn, bmp, Buffer.from([0x20, 0xac])))],
    "CN=\u20ac,O=\u00e9",
  ],
  ["an e-mail address", [set(part("1.2.840.113549.1.9.1", ia5, "a@b"))], "emailAddress=a@b"],
  ["an unknown type in hexadecimal", [set(part(other, utf8, "x"))], "1.2.3.4=#0c0178"],
  ["a known type of no text in hexadecimal", [set(part(cn, 0x02, Buffer.from([1])))], "2.5.4.3=#020101"],
])("a name is text: %s", (_name, parts, expected) => {
  expect(nameText(sequence(...parts))).toBe(expected);
});

test.each<[string, Buffer, string]>([
  ["with a NUL", sequence(set(part(cn, utf8, "a\0b"))), "no plain text"],
  ["that turns its reading order", sequence(set(part(cn, utf8, "a\u202eb"))), "no plain text"],
  ["that is not UTF-8", sequence(set(part(cn, utf8, Buffer.from([0xff])))), "no plain text"],
  ["with half a character", sequence(set(part(cn, bmp, Buffer.from([0x20])))), "no plain text"],
  ["of nothing", sequence(), "empty name"],
  ["with an empty value", sequence(set(part(cn, utf8, ""))), "no plain text"],
  ["of another shape", sequence(part(cn, utf8, "a")), "missing or of another type"],
])("a name %s is refused", (_name, name, why) => {
  expect(() => nameText(name)).toThrow(why);
});
