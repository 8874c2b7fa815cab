import { littleEndian } from "../little-endian.ts";
import type { Container } from "../options.ts";
import { readZip } from "./read-zip.ts";

/** zip, and what is one by another name: wheel, jar, NuGet package. */
export const zip: Container = {
  id: "zip",
  from: "random-access",
  // A local header, or the end record of an archive that is empty.
  recognises: (head) => head.length >= 4 && [0x04034b50, 0x06054b50].includes(littleEndian(head).u32(0)),
  read: readZip,
};
