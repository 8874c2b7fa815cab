import { pathText } from "./path-text.ts";

/** What a header says of one member; its bytes follow piece by piece. */
export interface TarMember {
  readonly kind: "file" | "folder" | "symlink" | "hardlink" | "other";
  /** The header's type flag; "3" and "4" are devices, "6" is a pipe. */
  readonly type: string;
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  readonly target?: string;
  /** Path and target as they stand in the archive. */
  readonly pathBytes: Uint8Array;
  readonly targetBytes: Uint8Array;
}

/** Takes a member's bytes; a piece is valid only during the call. */
export type TakeBytes = (piece: Uint8Array) => void;

export interface TarReader {
  push(piece: Uint8Array): void;
  /** Set as soon as the archive is not believed. Nothing is taken after a fault. */
  fault(): string | undefined;
  /** Why the archive is not believed; undefined when it ended as it should. */
  end(): string | undefined;
}

/**
 * POSIX.1-2017 pax interchange format, ustar and the GNU long-name members, in whatever pieces it arrives. `onMember` may give
 * a taker for the member's bytes. It holds one header, or one metadata member of at most 1 MiB. What readers are known to understand in
 * several ways is a fault: bytes behind the end, a name or a size said twice, sparse files.
 */
export function tarReader(maxMembers: number, onMember: (member: TarMember) => TakeBytes | undefined): TarReader {
  const state: State = { phase: "header", held: [], left: BLOCK, padding: 0, count: 0, pending: {} };
  return {
    push: (piece) => {
      for (let at = 0; at < piece.length && state.fault === undefined;) {
        if (state.phase === "over") return requireZeros(state, piece.subarray(at));
        const part = piece.subarray(at, at + state.left);
        at += part.length;
        state.left -= part.length;
        takePart(state, part);
        while (state.left === 0 && !isOver(state)) turn(state, maxMembers, onMember);
      }
    },
    fault: () => state.fault,
    end: () => state.fault ?? (state.phase === "over" ? undefined : "no end-of-archive block"),
  };
}

interface State {
  phase: "header" | "metadata" | "body" | "padding" | "over";
  held: Uint8Array[];
  /** Bytes until the phase turns. */
  left: number;
  padding: number;
  count: number;
  type?: string;
  take?: TakeBytes | undefined;
  pending: Overrides;
  fault?: string;
}

/** A second archive behind the end of the first is read by some readers and not by others. */
function requireZeros(state: State, rest: Uint8Array): void {
  if (rest.some((byte) => byte !== 0)) stop(state, "bytes behind the end-of-archive block");
}

// In a function: the compiler does not see that a turn changes the phase.
const isOver = (state: State): boolean => state.phase === "over";

function takePart(state: State, part: Uint8Array): void {
  if (state.phase === "body") state.take?.(part);
  else if (state.phase !== "padding") state.held.push(Uint8Array.from(part));
}

function turn(state: State, maxMembers: number, onMember: (member: TarMember) => TakeBytes | undefined): void {
  const bytes = joined(state.held);
  state.held = [];
  if (state.phase === "header") return takeHeader(state, bytes, maxMembers, onMember);
  if (state.phase === "metadata") takeMetadata(state, bytes);
  if (state.phase === "over") return;
  const padded = state.phase !== "padding" && state.padding > 0;
  state.phase = padded ? "padding" : "header";
  state.left = padded ? state.padding : BLOCK;
}

function takeHeader(
  state: State,
  header: Uint8Array,
  maxMembers: number,
  onMember: (member: TarMember) => TakeBytes | undefined,
): void {
  if (header.every((byte) => byte === 0)) return stop(state);
  state.count += 1;
  if (state.count > maxMembers) return stop(state, `more than ${maxMembers} members`);
  if (!checksumHolds(header)) return stop(state, "a header whose checksum is wrong");
  if (prefixIsInDoubt(header)) return stop(state, "a name whose first half not all readers see");
  const type = String.fromCharCode(header[156] ?? 0);
  const over = state.pending;
  const isMetadata = metadata.has(type);
  const size = isMetadata ? numeric(header, 124, 12) : (over.size ?? numeric(header, 124, 12));
  if (size === undefined || !Number.isSafeInteger(size)) return stop(state, "a member whose size is malformed");
  if (isMetadata && size > MAX_METADATA) return stop(state, "a metadata member that is too long");
  state.type = type;
  state.padding = (BLOCK - (size % BLOCK)) % BLOCK;
  state.left = size;
  state.phase = isMetadata ? "metadata" : "body";
  if (isMetadata) return;
  state.take = onMember(memberOf(header, type, size, over));
  state.pending = {};
}

function takeMetadata(state: State, body: Uint8Array): void {
  const read = overrides(state.type ?? "", body);
  if (typeof read === "string") return stop(state, read);
  if (state.type === "g" && Object.keys(read).length > 0) return stop(state, "a name or size for all members at once");
  const known = state.pending;
  for (const key of ["path", "target", "size"] as const)
    if (known[key] !== undefined && read[key] !== undefined) return stop(state, `a ${key} said twice`);
  state.pending = { ...known, ...read };
}

function stop(state: State, fault?: string): void {
  state.phase = "over";
  if (fault !== undefined) state.fault = fault;
}

interface Overrides {
  readonly path?: Uint8Array;
  readonly target?: Uint8Array;
  readonly size?: number;
}

const BLOCK = 512;
const MAX_METADATA = 1 << 20;
const metadata: ReadonlySet<string> = new Set(["x", "g", "L", "K"]);

/** Whether a file that begins with these 512 bytes may be a tar archive. */
export const isTarHeader = (head: Uint8Array): boolean => head.length >= BLOCK && head[0] !== 0 && checksumHolds(head);

function checksumHolds(header: Uint8Array): boolean {
  let sum = 0;
  // The checksum field itself counts as eight spaces.
  for (let at = 0; at < BLOCK; at += 1) sum += at >= 148 && at < 156 ? 0x20 : (header[at] ?? 0);
  return numeric(header, 148, 8) === sum;
}

/** Octal text, or GNU base-256 when the first bit is set. */
function numeric(header: Uint8Array, start: number, length: number): number | undefined {
  const field = header.subarray(start, start + length);
  if (((field[0] ?? 0) & 0x80) === 0) {
    const text = latin1(terminated(field)).trim();
    return text === "" ? 0 : /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
  }
  let value = (field[0] ?? 0) & 0x7f;
  for (const byte of field.subarray(1)) value = value * 256 + byte;
  return Number.isSafeInteger(value) ? value : undefined;
}

function overrides(type: string, body: Uint8Array): Overrides | string {
  if (type === "L") return { path: terminated(body) };
  if (type === "K") return { target: terminated(body) };
  return paxRecords(body);
}

/** pax: "%d %s=%s\n", the number being the length of the whole record. */
function paxRecords(body: Uint8Array): Overrides | string {
  let read: Overrides = {};
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at);
    const length = space === -1 || space - at > 10 ? Number.NaN : Number(latin1(body.subarray(at, space)));
    const record = body.subarray(space + 1, at + length - 1);
    const equals = record.indexOf(0x3d);
    if (!(length > 0) || at + length > body.length || body[at + length - 1] !== 0x0a || equals === -1)
      return "a pax header that is malformed";
    const value = paxValue(latin1(record.subarray(0, equals)), record.subarray(equals + 1));
    if (typeof value === "string") return value;
    if (Object.keys(value).some((key) => Object.hasOwn(read, key))) return "a pax header that says one thing twice";
    read = { ...read, ...value };
    at += length;
  }
  return read;
}

function paxValue(key: string, value: Uint8Array): Overrides | string {
  // Readers written in C see such a name end at its NUL, others do not.
  if ((key === "path" || key === "linkpath") && value.includes(0)) return "a pax name with a NUL byte";
  if (key.startsWith("GNU.sparse.")) return "a sparse file: its bytes are not those in the archive";
  if (key === "path") return { path: value };
  if (key === "linkpath") return { target: value };
  // A size that is no number must not let the old one stand: it fails the bound instead.
  return key === "size" ? { size: /^\d{1,15}$/.test(latin1(value)) ? Number(latin1(value)) : Infinity } : {};
}

function memberOf(header: Uint8Array, type: string, size: number, over: Overrides): TarMember {
  const targetBytes = over.target ?? terminated(header.subarray(157, 257));
  const pathBytes = over.path ?? headerPath(header);
  return {
    kind: kinds[type] ?? "other",
    type,
    path: pathText(pathBytes),
    pathBytes,
    targetBytes,
    mode: numeric(header, 100, 8) ?? 0,
    size,
    ...(targetBytes.length > 0 && { target: pathText(targetBytes) }),
  };
}

const kinds: Readonly<Record<string, TarMember["kind"]>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "symlink",
  "5": "folder",
};

function headerPath(header: Uint8Array): Uint8Array {
  const name = terminated(header.subarray(0, 100));
  // The prefix field exists in ustar only; old GNU archives keep other things there ("ustar  ").
  const prefix = isUstar(header) ? terminated(header.subarray(345, 500)) : new Uint8Array(0);
  return prefix.length === 0 ? name : Uint8Array.from([...prefix, 0x2f, ...name]);
}

const isUstar = (header: Uint8Array): boolean => latin1(header.subarray(257, 263)) === "ustar\0";

/** GNU tar goes by the magic alone, others ask for version "00" as well before they read the prefix. */
const prefixIsInDoubt = (header: Uint8Array): boolean =>
  isUstar(header) && header[345] !== 0 && latin1(header.subarray(263, 265)) !== "00";

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function terminated(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0);
  return end === -1 ? field : field.subarray(0, end);
}

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes.subarray(0, 4096));
