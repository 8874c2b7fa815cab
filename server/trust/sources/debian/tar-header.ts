export interface TarHeader {
  readonly name: Buffer;
  readonly target: Buffer;
  readonly size: number;
  readonly mode: number;
  readonly type: "file" | "hard-link" | "symlink" | "folder" | "long-name" | "long-target" | "device" | "pipe";
}

export type HeaderReading =
  | { readonly kind: "header"; readonly header: TarHeader }
  | { readonly kind: "end" }
  | { readonly kind: "refused"; readonly unsupported: boolean; readonly why: string };

/** POSIX.1-1988 ustar and GNU tar, 512 bytes. The checksum comes first: garbage is called garbage. */
export function readTarHeader(block: Buffer): HeaderReading {
  // dpkg ends at the first block without a name, as GNU tar does with a warning.
  if (block[0] === 0 && isZero(block)) return { kind: "end" };
  if (number(block, 148, 8) !== checksum(block)) return refused("not a tar header: the checksum differs");
  const size = number(block, 124, 12);
  const mode = number(block, 100, 8);
  if (size === undefined || mode === undefined) return refused("a tar header with an unreadable size or mode");
  const type = typeOf(String.fromCharCode(block[156] ?? 0));
  if (typeof type !== "string") return type;
  return {
    kind: "header",
    header: { name: nameOf(block), target: text(block, 157, 100), size, mode: mode & 0o7777, type },
  };
}

function isZero(block: Buffer): boolean {
  for (const byte of block) if (byte !== 0) return false;
  return true;
}

/** The sum of all bytes with the checksum's own eight read as spaces. */
function checksum(block: Buffer): number {
  let sum = 256;
  for (let at = 0; at < 148; at += 1) sum += block[at] ?? 0;
  for (let at = 156; at < 512; at += 1) sum += block[at] ?? 0;
  return sum;
}

/** Octal digits, or GNU's base 256 where the first byte is 0x80. Negative and unsafe numbers are not sizes. */
function number(block: Buffer, at: number, length: number): number | undefined {
  if (block[at] === 0x80) {
    let value = 0;
    for (let i = at + 1; i < at + length; i += 1) value = value * 256 + (block[i] ?? 0);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = /^ *([0-7]*)[ \0]*$/.exec(block.toString("latin1", at, at + length))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits === "" ? "0" : digits, 8);
}

function typeOf(flag: string): TarHeader["type"] | HeaderReading {
  switch (flag) {
    case "0":
    case "\0":
    case "7":
      return "file";
    case "1":
      return "hard-link";
    case "2":
      return "symlink";
    case "3":
    case "4":
      return "device";
    case "5":
      return "folder";
    case "6":
      return "pipe";
    case "L":
      return "long-name";
    case "K":
      return "long-target";
    default:
      // dpkg refuses pax headers, sparse files and volumes as well.
      return { kind: "refused", unsupported: true, why: `a tar entry of the type ${JSON.stringify(flag)}` };
  }
}

/** ustar puts the front of a long name into "prefix"; GNU's magic ("ustar  ") uses that space for times. */
function nameOf(block: Buffer): Buffer {
  const name = text(block, 0, 100);
  const prefix = block.toString("latin1", 257, 263) === "ustar\0" ? text(block, 345, 155) : undefined;
  return prefix === undefined || prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from("/"), name]);
}

function text(block: Buffer, at: number, length: number): Buffer {
  const field = block.subarray(at, at + length);
  const nul = field.indexOf(0);
  return Buffer.from(nul < 0 ? field : field.subarray(0, nul));
}

const refused = (why: string): HeaderReading => ({ kind: "refused", unsupported: false, why });
