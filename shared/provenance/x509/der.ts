import { unreadable } from "../refusal.ts";

/** One element of DER: `bytes[start, end)` with its header, `bytes[body, end)` without. */
export interface Der {
  readonly bytes: Buffer;
  readonly tag: number;
  readonly start: number;
  readonly body: number;
  readonly end: number;
}

/** The one element that `bytes` is. Bytes after it are refused. */
export function readDer(bytes: Buffer): Der {
  const der = elementAt(bytes, 0, bytes.length);
  if (der.end !== bytes.length) throw unreadable("bytes follow the DER value");
  return der;
}

/** The elements inside a constructed element. */
export function inside(der: Der): readonly Der[] {
  if ((der.tag & constructed) === 0) throw unreadable("a DER value has no members");
  const members: Der[] = [];
  for (let at = der.body; at < der.end;) {
    if (members.length === maxMembers) throw unreadable(`a DER value has more than ${maxMembers} members`);
    const member = elementAt(der.bytes, at, der.end);
    members.push(member);
    at = member.end;
  }
  return members;
}

/** DER inside an OCTET STRING or a BIT STRING. */
export const nested = (der: Der, from = der.body): Der => {
  const inner = elementAt(der.bytes, from, der.end);
  if (inner.end !== der.end) throw unreadable("bytes follow the DER value");
  return inner;
};

export const contents = (der: Der): Buffer => der.bytes.subarray(der.body, der.end);
export const whole = (der: Der): Buffer => der.bytes.subarray(der.start, der.end);

export function expectTag(der: Der | undefined, tag: number, what: string): Der {
  if (der?.tag !== tag) throw unreadable(`${what} is missing or of another type`);
  return der;
}

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const constructed = 0x20;
const maxMembers = 1024;

/** X.690 10.1: definite lengths in the fewest octets. */
function elementAt(bytes: Buffer, start: number, limit: number): Der {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined || start + 2 > limit) throw unreadable("DER ends early");
  if ((tag & 0x1f) === 0x1f) throw unreadable("DER has a tag of several octets");
  let body = start + 2;
  let length = first;
  if (first >= 0x80) {
    const octets = first & 0x7f;
    if (octets === 0 || octets > 4 || body + octets > limit)
      throw unreadable("DER has a length that DER does not allow");
    length = bytes.readUIntBE(body, octets);
    if (length < 0x80 || (octets > 1 && bytes[body] === 0))
      throw unreadable("DER has a length that DER does not allow");
    body += octets;
  }
  if (body + length > limit) throw unreadable("DER ends early");
  return { bytes, tag, start, body, end: body + length };
}

/** A header for `length` octets of contents. */
export function derHeader(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.from([tag, length]);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Buffer.from([tag, 0x80 | octets.length, ...octets]);
}

export function oidText(der: Der): string {
  const body = contents(expectTag(der, tags.oid, "an object identifier"));
  const first = body[0];
  if (first === undefined || body.length > 40) throw unreadable("an object identifier is empty or too long");
  const arcs = first < 80 ? [Math.floor(first / 40), first % 40] : [2, first - 80];
  let arc = 0;
  for (const octet of body.subarray(1)) {
    arc = arc * 128 + (octet & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw unreadable("an object identifier has a number that is too large");
    if ((octet & 0x80) === 0) {
      arcs.push(arc);
      arc = 0;
    }
  }
  return arcs.join(".");
}

/** RFC 5280 4.1.2.5: UTCTime or GeneralizedTime, in Zulu, with seconds. */
export function derTime(der: Der): number {
  const text = contents(der).toString("latin1");
  if (der.tag === tags.utcTime) {
    const year = /^(\d\d)\d{10}Z$/.exec(text)?.[1];
    if (year === undefined) throw unreadable("a UTCTime is malformed");
    return zulu(`${Number(year) < 50 ? "20" : "19"}${text}`);
  }
  if (der.tag !== tags.generalizedTime) throw unreadable("a time is of another type");
  return zulu(text);
}

function zulu(text: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,9})?Z$/.exec(text);
  if (parts === null) throw unreadable("a time is malformed");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, fraction = 0] = parts
    .slice(1)
    .map((part: string | undefined) => Number(part ?? 0));
  const time = new Date(0);
  time.setUTCFullYear(year, month - 1, day);
  time.setUTCHours(hour, minute, second);
  const isReal =
    time.getUTCMonth() === month - 1 && time.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!isReal) throw unreadable("a time names no day");
  return time.getTime() + Math.floor(fraction * 1000);
}
