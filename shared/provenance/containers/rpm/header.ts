import { unreadable } from "../../refusal.ts";
import { type Cursor, joined } from "../cursor.ts";

/** One header structure of the RPM file format (rpm.org, "RPM V4 Package format"): an index of tags and a store of values. */
export interface RpmHeader {
  text(tag: number): string | undefined;
  texts(tag: number): readonly string[];
  numbers(tag: number): readonly number[];
}

export async function readRpmHeader(cursor: Cursor, maxBytes: number): Promise<RpmHeader> {
  const start = await cursor.exactly(16);
  const intro = viewOf(start);
  if (intro.getUint32(0) !== 0x8eade801) throw unreadable("an rpm header without its mark");
  const [count, size] = [intro.getUint32(8), intro.getUint32(12)];
  if (count * indexSize + size > maxBytes)
    throw unreadable(`an rpm header of ${count * indexSize + size} bytes, more than ${maxBytes}`);
  const bytes = joined([await cursor.exactly(count * indexSize), await cursor.exactly(size)]);
  return headerOf(bytes.subarray(0, count * indexSize), bytes.subarray(count * indexSize));
}

const indexSize = 16;

interface Value {
  readonly type: number;
  readonly offset: number;
  readonly count: number;
}

function headerOf(index: Uint8Array, store: Uint8Array): RpmHeader {
  const values = new Map<number, Value>();
  const view = viewOf(index);
  for (let at = 0; at < index.length; at += indexSize) {
    const tag = view.getUint32(at);
    const value = { type: view.getUint32(at + 4), offset: view.getUint32(at + 8), count: view.getUint32(at + 12) };
    if (values.has(tag)) throw unreadable(`the tag ${tag} twice in one rpm header`);
    if (value.offset > store.length || value.count > store.length)
      throw unreadable(`the tag ${tag} lies outside its rpm header`);
    values.set(tag, value);
  }
  const texts = (tag: number): readonly string[] => {
    const value = values.get(tag);
    if (value === undefined) return [];
    if (!textTypes.has(value.type)) throw unreadable(`the tag ${tag} of an rpm header is no text`);
    return strings(store, value, tag);
  };
  return {
    text: (tag) => texts(tag)[0],
    texts,
    numbers: (tag) => {
      const value = values.get(tag);
      return value === undefined ? [] : numbersAt(store, value, tag);
    },
  };
}

// STRING, STRING_ARRAY, I18NSTRING; INT8 to INT64 with their lengths.
const textTypes: ReadonlySet<number> = new Set([6, 8, 9]);
const lengths: Readonly<Partial<Record<number, 1 | 2 | 4 | 8>>> = { 2: 1, 3: 2, 4: 4, 5: 8 };

function strings(store: Uint8Array, { offset, count }: Value, tag: number): readonly string[] {
  const found: string[] = [];
  let at = offset;
  for (let index = 0; index < count; index += 1) {
    const end = store.indexOf(0, at);
    if (end === -1) throw unreadable(`a text of the tag ${tag} does not end inside its rpm header`);
    found.push(text.decode(store.subarray(at, end)));
    at = end + 1;
  }
  return found;
}

// Every byte becomes one character: names are compared as bytes.
const text = new TextDecoder("latin1");

function numbersAt(store: Uint8Array, { type, offset, count }: Value, tag: number): readonly number[] {
  const length = lengths[type];
  if (length === undefined || offset + count * length > store.length)
    throw unreadable(`the numbers of the tag ${tag} lie outside their rpm header`);
  const view = viewOf(store);
  return Array.from({ length: count }, (_, index) => {
    const at = offset + index * length;
    if (length === 1) return view.getUint8(at);
    if (length === 2) return view.getUint16(at);
    return length === 4 ? view.getUint32(at) : Number(view.getBigUint64(at));
  });
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
