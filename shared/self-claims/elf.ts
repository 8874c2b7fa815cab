/** Bytes of a file of any size, read piece by piece. Less than asked for where the file ends. */
export interface ByteSource {
  readonly size: number;
  read(offset: number, length: number): Uint8Array;
}

/** Where an ELF file keeps what it says about itself. Undefined members: the file has no such part, or it is malformed. */
export interface Elf {
  section(name: string, maxBytes: number): Uint8Array | undefined;
  /** Notes of its PT_NOTE segments and SHT_NOTE sections; a stripped file keeps the former. */
  readonly notes: readonly ElfNote[];
}

export interface ElfNote {
  readonly owner: string;
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** System V ABI, ELF header, section header and program header, 32 and 64 bits, either byte order. */
export function readElf(source: ByteSource): Elf | undefined {
  const head = source.read(0, 64);
  if (head.length < 52 || head[0] !== 0x7f || head[1] !== 0x45 || head[2] !== 0x4c || head[3] !== 0x46)
    return undefined;
  const wide = head[4] === 2;
  const little = head[5] === 1;
  if ((wide && head.length < 64) || head[4] === 0) return undefined;
  const header = numbers(head, little, wide);
  const segments = tableAt(source, {
    offset: header.address(wide ? 32 : 28),
    entry: header.half(wide ? 54 : 42),
    count: header.half(wide ? 56 : 44),
    least: wide ? 56 : 32,
  }).map((bytes) => segmentOf(numbers(bytes, little, wide), wide));
  const sections = tableAt(source, {
    offset: header.address(wide ? 40 : 32),
    entry: header.half(wide ? 58 : 46),
    count: header.half(wide ? 60 : 48),
    least: wide ? 64 : 40,
  }).map((bytes) => sectionOf(numbers(bytes, little, wide), wide));
  const names = sections[header.half(wide ? 62 : 50)];
  const nameBytes = names === undefined ? undefined : part(source, names.offset, names.size, maxNames);
  return {
    section(name, maxBytes) {
      const found = sections.find((one) => nameBytes !== undefined && textAt(nameBytes, one.name) === name);
      return found === undefined ? undefined : part(source, found.offset, found.size, maxBytes);
    },
    notes: [...segments.filter(({ type }) => type === ptNote), ...sections.filter(({ type }) => type === shtNote)]
      .slice(0, maxNoteParts)
      .flatMap(({ offset, size }) => notesIn(part(source, offset, size, maxNotes), little)),
  };
}

const ptNote = 4;
const shtNote = 7;
const maxEntries = 10_000;
const maxNames = 1024 * 1024;
const maxNoteParts = 64;
const maxNotes = 256 * 1024;
const maxNotesPerPart = 256;

interface Numbers {
  half(at: number): number;
  word(at: number): number;
  /** An offset or a size: 8 bytes in 64-bit files, 4 in others. */
  address(at: number): number;
}

/** Beyond the end there are zeros: what is cut short names nothing. */
function numbers(bytes: Uint8Array, little: boolean, wide: boolean): Numbers {
  const at = (from: number, length: number): number => {
    let value = 0;
    for (let index = 0; index < length; index += 1)
      value = value * 256 + (bytes[little ? from + length - 1 - index : from + index] ?? 0);
    return value;
  };
  return { half: (from) => at(from, 2), word: (from) => at(from, 4), address: (from) => at(from, wide ? 8 : 4) };
}

interface Table {
  readonly offset: number;
  readonly entry: number;
  readonly count: number;
  readonly least: number;
}

function tableAt(source: ByteSource, { offset, entry, count, least }: Table): readonly Uint8Array[] {
  if (count === 0 || count > maxEntries || entry < least || entry > 1024) return [];
  const bytes = part(source, offset, entry * count, maxEntries * 1024);
  return bytes === undefined
    ? []
    : Array.from({ length: count }, (_, at) => bytes.subarray(at * entry, (at + 1) * entry));
}

interface Part {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

const segmentOf = (entry: Numbers, wide: boolean): Part => ({
  type: entry.word(0),
  offset: entry.address(wide ? 8 : 4),
  size: entry.address(wide ? 32 : 16),
});

const sectionOf = (entry: Numbers, wide: boolean): Part & { readonly name: number } => ({
  name: entry.word(0),
  type: entry.word(4),
  offset: entry.address(wide ? 24 : 16),
  size: entry.address(wide ? 32 : 20),
});

/** All of it or nothing: a part that the file does not hold whole, or that is larger than its reader takes, says nothing. */
function part(source: ByteSource, offset: number, size: number, maxBytes: number): Uint8Array | undefined {
  if (size === 0 || size > maxBytes || offset + size > source.size) return undefined;
  const bytes = source.read(offset, size);
  return bytes.length === size ? bytes : undefined;
}

function textAt(bytes: Uint8Array, from: number): string {
  const end = bytes.indexOf(0, from);
  return end === -1 ? "" : latin1(bytes.subarray(from, Math.min(end, from + 64)));
}

/** elf(5), Nhdr: sizes of name and descriptor, the type, then both, each filled up to four bytes. */
function notesIn(bytes: Uint8Array | undefined, little: boolean): readonly ElfNote[] {
  const notes: ElfNote[] = [];
  if (bytes === undefined) return notes;
  const read = numbers(bytes, little, false);
  for (let at = 0; at + 12 <= bytes.length && notes.length < maxNotesPerPart;) {
    const nameEnd = at + 12 + read.word(at);
    const start = aligned(nameEnd);
    const end = start + read.word(at + 4);
    if (end > bytes.length) break;
    const owner = latin1(bytes.subarray(at + 12, Math.min(nameEnd, at + 12 + 64))).replace(/\0+$/, "");
    notes.push({ owner, type: read.word(at + 8), bytes: bytes.slice(start, end) });
    at = aligned(end);
  }
  return notes;
}

const aligned = (offset: number): number => Math.ceil(offset / 4) * 4;
const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
