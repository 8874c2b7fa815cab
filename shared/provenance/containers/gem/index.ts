import { isTarHeader, type TarMember } from "../../../lib/tar.ts";
import { unreadable, unsupported } from "../../refusal.ts";
import { gunzipper } from "../gzip.ts";
import type { TakeBytes } from "../inflate.ts";
import type { Container, Listing } from "../options.ts";
import { tarEntries } from "../tar-entries.ts";

/** RubyGems: a plain tar of metadata.gz, data.tar.gz, their checksums and signatures. Parts: "gem" are those members, "data" what is installed. */
export const gem: Container = {
  id: "gem",
  from: "stream",
  recognises: (head) => isTarHeader(head) && firstNames.some((name) => startsWith(head, name)),
  async read(pieces, reading) {
    const seen = new Set<string>();
    const outer = tarEntries(reading, "gem", (member) => {
      if (member.kind !== "file" || !members.has(member.path))
        throw unsupported(`a member that gems do not have: ${member.path}`);
      seen.add(member.path);
      return member.path === "data.tar.gz" ? dataReader(member, reading) : undefined;
    });
    for await (const piece of pieces) outer.push(piece);
    outer.end();
    for (const name of firstNames) if (!seen.has(name)) throw unreadable(`a gem without ${name}`);
  },
};

const firstNames = ["metadata.gz", "data.tar.gz"] as const;
const members: ReadonlySet<string> = new Set([
  ...firstNames,
  "checksums.yaml.gz",
  ...[...firstNames, "checksums.yaml.gz"].map((name) => `${name}.sig`),
]);

function dataReader({ size }: TarMember, reading: Listing): TakeBytes {
  if (size === 0) throw unreadable("a gem whose data.tar.gz is empty");
  const inner = tarEntries(reading, "data");
  const gzip = gunzipper((piece) => {
    reading.unpacked(piece.length);
    inner.push(piece);
  });
  let left = size;
  return (piece) => {
    reading.options.signal.throwIfAborted();
    gzip.push(piece);
    left -= piece.length;
    if (left > 0) return;
    gzip.end();
    inner.end();
  };
}

const startsWith = (head: Uint8Array, name: string): boolean =>
  String.fromCharCode(...head.subarray(0, name.length + 1)) === `${name}\0`;
