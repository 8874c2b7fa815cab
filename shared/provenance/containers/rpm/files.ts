import { createHash } from "node:crypto";
import { pathText } from "../../../lib/path-text.ts";
import { unreadable } from "../../refusal.ts";
import type { FileBody, FileHead, Listing } from "../options.ts";
import type { RpmHeader } from "./header.ts";

/**
 * The header lists the package's files, and rpm believes that list and not the payload: a payload that holds a file the list does not name, or other
 * bytes under its name, would be one package for rpm and another for whoever unpacks it with cpio.
 */
export function asTheHeaderSays(header: RpmHeader, reading: Listing): Listing {
  const listed = listOf(header, reading.options.limits.entries);
  const require = (path: Uint8Array): Listed => {
    const file = listed.get(plain(latin1.decode(path)));
    if (file === undefined) throw unreadable(`the payload holds ${pathText(path)}, which the rpm header does not list`);
    return file;
  };
  return {
    ...reading,
    file(path, head) {
      const file = require(path);
      // The header keeps the type in the mode as well.
      if (file.mode !== head.mode || (file.size !== undefined && file.size !== head.size))
        throw unreadable(`the payload and the rpm header differ about ${pathText(path)}`);
      return comparing(path, head, file, reading);
    },
    hardLink(path, target) {
      if (require(path).sha256 !== require(target).sha256)
        throw unreadable(`the digest of ${pathText(path)} in the rpm header is of other bytes`);
      reading.hardLink(path, target);
    },
    symlink(path, target) {
      const { linkTo } = require(path);
      if (linkTo !== undefined && linkTo !== latin1.decode(target))
        throw unreadable(`the payload and the rpm header differ about the link ${pathText(path)}`);
      reading.symlink(path, target);
    },
    folder: (path, mode) => (require(path), reading.folder(path, mode)),
    other: (path, mode) => (require(path), reading.other(path, mode)),
  };
}

interface Listed {
  readonly mode: number;
  readonly size?: number | undefined;
  readonly linkTo?: string | undefined;
  /** In hexadecimal, and only where the package uses SHA-256. */
  readonly sha256?: string | undefined;
}

// rpmtag.h: the numbers below 2000 are as old as the format.
const tags = {
  modes: 1030,
  sizes: 1028,
  longSizes: 5008,
  digests: 1035,
  linkTos: 1036,
  dirIndexes: 1116,
  baseNames: 1117,
} as const;
const [dirNames, digestAlgorithm, sha256] = [1118, 5011, 8] as const;

function listOf(header: RpmHeader, maxEntries: number): ReadonlyMap<string, Listed> {
  const [names, folders, indexes] = [
    header.texts(tags.baseNames),
    header.texts(dirNames),
    header.numbers(tags.dirIndexes),
  ];
  const [modes, links, digests] = [header.numbers(tags.modes), header.texts(tags.linkTos), header.texts(tags.digests)];
  const long = header.numbers(tags.longSizes);
  const sizes = long.length > 0 ? long : header.numbers(tags.sizes);
  if (names.length > maxEntries) throw unreadable(`more than ${maxEntries} entries`);
  if (indexes.length !== names.length || modes.length !== names.length)
    throw unreadable("the lists of files in the rpm header differ in their length");
  const comparable = header.numbers(digestAlgorithm)[0] === sha256;
  const listed = new Map<string, Listed>();
  for (const [at, name] of names.entries()) {
    const folder = folders[indexes[at] ?? -1];
    const mode = modes[at];
    if (folder === undefined || mode === undefined) throw unreadable("a file without a folder in the rpm header");
    const path = plain(folder + name);
    if (listed.has(path)) throw unreadable("a path twice in the rpm header");
    const linkTo = links[at];
    const digest = digests[at];
    listed.set(path, {
      mode,
      size: sizes[at],
      ...(linkTo === undefined || linkTo === "" ? {} : { linkTo }),
      ...(comparable && digest !== undefined && digest !== "" ? { sha256: digest } : {}),
    });
  }
  return listed;
}

/** "/usr/bin/x" of the header and "./usr/bin/x" of the payload. */
const plain = (path: string): string => path.replace(/^\.?\//, "");
const latin1 = new TextDecoder("latin1");

function comparing(path: Uint8Array, head: FileHead, file: Listed, reading: Listing): FileBody {
  const body = reading.file(path, head);
  const hash = file.sha256 === undefined ? undefined : createHash("sha256");
  return {
    take: (piece) => {
      hash?.update(piece);
      body.take(piece);
    },
    close: () => {
      if (hash !== undefined && hash.digest("hex") !== file.sha256)
        throw unreadable(`the digest of ${pathText(path)} in the rpm header is of other bytes`);
      body.close();
    },
  };
}
