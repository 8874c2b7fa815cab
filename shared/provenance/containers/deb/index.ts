import { arHeaderSize, arMagic, arMember } from "../../../ecosystems/deb/ar.ts";
import { unreadable, unsupported } from "../../refusal.ts";
import { type Cursor, cursorOver } from "../cursor.ts";
import type { Container, Listing, Packing } from "../options.ts";
import { readTarEntries } from "../tar-entries.ts";
import { unpacked } from "../unpack.ts";

/** deb(5): an ar of debian-binary, control.tar and data.tar, in this order. Parts: "control" and "data". */
export const deb: Container = {
  id: "deb",
  from: "stream",
  recognises: (head) => ascii(head.subarray(0, arMagic.length)) === arMagic,
  async read(pieces, reading) {
    const cursor = cursorOver(pieces);
    await cursor.exactly(arMagic.length);
    await readFormat(cursor);
    for (const part of ["control", "data"] as const) await readPart(cursor, part, reading);
    // Members behind data.tar are for others; dpkg passes over those named with an underscore, wherever they stand.
    while ((await cursor.peek(1)).length > 0) {
      const member = await nextMember(cursor);
      if (!member.name.startsWith("_")) throw unsupported(`an unknown member ${member.name}`);
      await skip(cursor, member.size);
    }
  },
};

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

async function readFormat(cursor: Cursor): Promise<void> {
  const { name, size } = await nextMember(cursor);
  if (name !== "debian-binary" || size > 100)
    throw unsupported("an ar archive that is no Debian package: debian-binary is not its first member");
  const format = ascii(await cursor.exactly(size));
  await padding(cursor, size);
  if (!/^2\.\d+\n/.test(format)) throw unsupported("a Debian package of a format other than 2.x");
}

async function readPart(cursor: Cursor, part: "control" | "data", reading: Listing): Promise<void> {
  let member = await nextMember(cursor);
  while (member.name.startsWith("_")) {
    await skip(cursor, member.size);
    member = await nextMember(cursor);
  }
  const [, suffix = ""] = new RegExp(`^${part}\\.tar(?:\\.([a-z0-9]+))?$`).exec(member.name) ?? [undefined, "?"];
  if (suffix === "?") throw unsupported(`the member ${member.name} where ${part}.tar should be`);
  const packing = packings[suffix];
  if (packing === undefined) throw unsupported(`${member.name} is packed in a way that is not read`);
  await readTarEntries(unpacked(packing, cursor.body(member.size), reading), reading, part);
  await padding(cursor, member.size);
}

const packings: Readonly<Partial<Record<string, Packing>>> = {
  "": "none",
  gz: "gzip",
  xz: "xz",
  zst: "zstd",
  bz2: "bzip2",
  lzma: "lzma",
};

async function nextMember(cursor: Cursor): Promise<{ readonly name: string; readonly size: number }> {
  const member = arMember(await cursor.exactly(arHeaderSize));
  if (member === undefined) throw unreadable("an unreadable ar member header");
  return member;
}

async function skip(cursor: Cursor, size: number): Promise<void> {
  for await (const _ of cursor.body(size)) continue;
  await padding(cursor, size);
}

/** Members begin at even places. Some writers leave the last byte of the file out. */
async function padding(cursor: Cursor, size: number): Promise<void> {
  if (size % 2 === 1 && (await cursor.peek(1)).length > 0) await cursor.exactly(1);
}
