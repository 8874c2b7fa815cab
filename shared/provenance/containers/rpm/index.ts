import { unsupported } from "../../refusal.ts";
import { cursorOver } from "../cursor.ts";
import { isGzip } from "../gzip.ts";
import type { Container, Packing } from "../options.ts";
import { unpacked } from "../unpack.ts";
import { readCpio } from "./cpio.ts";
import { asTheHeaderSays } from "./files.ts";
import { readRpmHeader } from "./header.ts";

/** RPM 3 and 4: lead, signature header, header, and the payload, a packed cpio. Whose signature holds is not asked here. */
export const rpm: Container = {
  id: "rpm",
  from: "stream",
  recognises: (head) => mark.every((byte, at) => head[at] === byte),
  async read(pieces, reading) {
    const { headerBytes } = reading.options.limits;
    const cursor = cursorOver(pieces);
    const lead = await cursor.exactly(leadSize);
    // The lead's fifth byte is the major version, the last two before its reserve tell that the signature is a header.
    if (lead[4] !== 3 && lead[4] !== 4) throw unsupported(`an rpm package of the format ${lead[4] ?? 0}`);
    if (lead[79] !== 5) throw unsupported("an rpm package whose signature is no header");
    await readRpmHeader(cursor, headerBytes);
    await cursor.exactly(-cursor.position & 7);
    const header = await readRpmHeader(cursor, headerBytes);
    const format = header.text(payloadFormat) ?? "cpio";
    if (format !== "cpio") throw unsupported(`an rpm payload of the format ${format}`);
    // Without a word about it rpm lets zlib look: gzip if it looks like it, else as it is.
    const unsaid = isGzip(await cursor.peek(2)) ? "gzip" : "none";
    const packing = packings[header.text(payloadCompressor) ?? unsaid];
    if (packing === undefined) throw unsupported("an rpm payload packed in a way that is not read");
    const payload = cursorOver(unpacked(packing, cursor.rest(), reading));
    try {
      await readCpio(payload, asTheHeaderSays(header, reading));
    } finally {
      await payload.close();
    }
  },
};

const mark = [0xed, 0xab, 0xee, 0xdb];
const leadSize = 96;
const [payloadFormat, payloadCompressor] = [1124, 1125] as const;
const packings: Readonly<Partial<Record<string, Packing>>> = {
  gzip: "gzip",
  xz: "xz",
  lzma: "lzma",
  zstd: "zstd",
  bzip2: "bzip2",
  none: "none",
};
