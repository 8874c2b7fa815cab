import { pathText } from "../../../lib/path-text.ts";
import { unreadable, unsupported } from "../../refusal.ts";
import { type Cursor, joined } from "../cursor.ts";
import type { Listing } from "../options.ts";

/** One member's head in cpio's "new ASCII" format: 110 bytes, mostly numbers of eight hexadecimal digits. */
interface CpioHead {
  readonly name: Uint8Array;
  readonly inode: string;
  readonly mode: number;
  readonly links: number;
  readonly size: number;
}

/** cpio(5), "New ASCII Format", as rpm writes it: of files linked to each other the last alone carries their bytes. */
export async function readCpio(cursor: Cursor, reading: Listing): Promise<void> {
  const waiting = new Map<string, CpioHead[]>();
  for (;;) {
    const head = await readHead(cursor, reading.options.limits.pathBytes);
    if (head === undefined) break;
    if ((head.mode & typeBits) !== fileType) await readOther(cursor, head, reading);
    else if (head.links > 1 && head.size === 0) wait(waiting, head);
    else {
      await readFile(cursor, head, reading);
      if (head.links > 1) link(waiting, head, reading);
    }
    await pad(cursor);
  }
  // Linked to each other, and all of them empty.
  for (const [, heads] of waiting) for (const head of heads) await readFile(cursor, head, reading);
  await requireEnd(cursor);
}

const typeBits = 0o170000;
const fileType = 0o100000;
const headSize = 110;

async function readHead(cursor: Cursor, maxPath: number): Promise<CpioHead | undefined> {
  const text = String.fromCharCode(...(await cursor.exactly(headSize)));
  // 070702 is the same with a sum of the bytes, 07070X names the file by its place in the rpm header.
  if (text.startsWith("07070X")) throw unsupported("a payload with files of 4 GiB and more");
  if (!text.startsWith("070701") || !/^[0-9a-fA-F]*$/.test(text)) throw unreadable("a malformed cpio header");
  const field = (index: number): string => text.slice(6 + 8 * index, 14 + 8 * index);
  const [mode, links, size, length] = [1, 4, 6, 11].map((index) => Number.parseInt(field(index), 16));
  if (mode === undefined || links === undefined || size === undefined || length === undefined || length < 2)
    throw unreadable("a cpio entry without a name");
  if (length > maxPath) throw unreadable(`a name of ${length} bytes, more than ${maxPath}`);
  const name = await cursor.exactly(length);
  await pad(cursor);
  if (name.at(-1) !== 0) throw unreadable("a cpio name that does not end where it is said to");
  const bare = name.subarray(0, -1);
  if (String.fromCharCode(...bare) === "TRAILER!!!") {
    if (size !== 0) throw unreadable("a cpio trailer with bytes");
    return undefined;
  }
  return { name: bare, inode: `${field(7)}:${field(8)}:${field(0)}`, mode, links, size };
}

async function readFile(cursor: Cursor, head: CpioHead, reading: Listing): Promise<void> {
  const body = reading.file(head.name, { size: head.size, mode: head.mode });
  for await (const piece of cursor.body(head.size)) body.take(piece);
  body.close();
}

function wait(waiting: Map<string, CpioHead[]>, head: CpioHead): void {
  const others = waiting.get(head.inode);
  if (others === undefined) waiting.set(head.inode, [head]);
  else others.push(head);
}

function link(waiting: Map<string, CpioHead[]>, target: CpioHead, reading: Listing): void {
  for (const head of waiting.get(target.inode) ?? []) reading.hardLink(head.name, target.name);
  waiting.delete(target.inode);
}

async function readOther(cursor: Cursor, head: CpioHead, reading: Listing): Promise<void> {
  const { pathBytes } = reading.options.limits;
  const type = head.mode & typeBits;
  if (type === 0o120000) {
    if (head.size > pathBytes) throw unreadable(`a link target of ${head.size} bytes, more than ${pathBytes}`);
    const target: Uint8Array[] = [];
    for await (const piece of cursor.body(head.size)) target.push(Uint8Array.from(piece));
    reading.symlink(head.name, joined(target));
    return;
  }
  if (head.size !== 0) throw unreadable(`bytes behind an entry that is no file: ${pathText(head.name)}`);
  if (type === 0o040000) reading.folder(head.name, head.mode);
  else if (type === 0o010000 || type === 0o140000) reading.other(head.name, head.mode);
  else throw unsupported(`a device: ${pathText(head.name)}`);
}

async function pad(cursor: Cursor): Promise<void> {
  const rest = -cursor.position & 3;
  if (rest > 0) await cursor.exactly(rest);
}

async function requireEnd(cursor: Cursor): Promise<void> {
  for await (const piece of cursor.rest())
    if (piece.some((byte) => byte !== 0)) throw unreadable("bytes behind the end of the cpio payload");
}
