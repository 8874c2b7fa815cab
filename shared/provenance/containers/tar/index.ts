import { isTarHeader } from "../../../lib/tar.ts";
import { cursorOver } from "../cursor.ts";
import type { Container } from "../options.ts";
import { readTarEntries } from "../tar-entries.ts";
import { packingOf, unpacked } from "../unpack.ts";

/** tar, plain or in one of the packings with a mark: .tar.gz, .tgz, .crate, npm's tarballs, .tar.xz, .tar.zst, .tar.bz2. */
export const tar: Container = {
  id: "tar",
  from: "stream",
  recognises: (head) => packingOf(head) !== undefined || isTarHeader(head),
  async read(pieces, reading) {
    const cursor = cursorOver(pieces);
    const packing = packingOf(await cursor.peek(8)) ?? "none";
    await readTarEntries(unpacked(packing, cursor.rest(), reading), reading);
  },
};
