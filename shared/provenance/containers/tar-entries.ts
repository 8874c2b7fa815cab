import { pathText } from "../../lib/path-text.ts";
import { tarReader, type TakeBytes, type TarMember } from "../../lib/tar.ts";
import { unreadable, unsupported } from "../refusal.ts";
import type { Pieces } from "./archive.ts";
import type { Listing } from "./options.ts";

/** The entries of a tar that streams by, put into the listing as they come. */
export async function readTarEntries(pieces: Pieces, reading: Listing, part?: string): Promise<void> {
  const tar = tarEntries(reading, part);
  for await (const piece of pieces) tar.push(piece);
  tar.end();
}

export interface TarEntries {
  push(piece: Uint8Array): void;
  end(): void;
}

export function tarEntries(
  reading: Listing,
  part: string | undefined,
  /** Sees a member's bytes as well, beside the listing. */
  also?: (member: TarMember) => TakeBytes | undefined,
): TarEntries {
  // The listing counts entries. Before each may stand a long name, a long target and pax records.
  const tar = tarReader(4 * reading.options.limits.entries, (member) => {
    const first = takerOf(member, reading, part);
    const second = also?.(member);
    return second === undefined ? first : (piece) => (first?.(piece), second(piece));
  });
  const refuseOn = (fault: string | undefined): void => {
    if (fault !== undefined) throw unreadable(`damaged or ambiguous tar: ${fault}`);
  };
  return {
    push(piece) {
      tar.push(piece);
      refuseOn(tar.fault());
    },
    end: () => refuseOn(tar.end()),
  };
}

function takerOf(member: TarMember, reading: Listing, part: string | undefined): TakeBytes | undefined {
  const { pathBytes: path, targetBytes: target, mode, size, type } = member;
  // V7 tar and its heirs: a file whose name ends in a slash is a folder.
  const kind = member.kind === "file" && path.at(-1) === slash ? "folder" : member.kind;
  if (kind === "file") return fileTaker(member, reading, part);
  // POSIX lets a hard link carry a copy of the data; readers differ in whether they pass over it.
  if (size !== 0) throw unreadable(`bytes behind an entry that is no file: ${pathText(path)}`);
  if (kind === "hardlink") reading.hardLink(path, target, part);
  else if (kind === "symlink") reading.symlink(path, target, part);
  else if (kind === "folder") reading.folder(path, mode, part);
  else if (type === "6") reading.other(path, mode, part);
  else
    throw unsupported(
      type === "3" || type === "4"
        ? `a device: ${pathText(path)}`
        : `a tar entry of the type ${JSON.stringify(type)}: ${pathText(path)}`,
    );
  return undefined;
}

const slash = 0x2f;

function fileTaker({ pathBytes, size, mode }: TarMember, reading: Listing, part?: string): TakeBytes | undefined {
  const body = reading.file(pathBytes, { size, mode, part });
  if (size === 0) {
    body.close();
    return undefined;
  }
  let left = size;
  return (piece) => {
    body.take(piece);
    left -= piece.length;
    if (left === 0) body.close();
  };
}
