import type { Sha256 } from "../model/ids.ts";
import { type ChainLink, type Judged, linkKinds, type UncheckedBasis, type Verdict } from "../model/verdict.ts";
import { unreachable } from "../lib/unreachable.ts";
import type { ArchiveContents, ArchivedFile, ArchiveEntry, ArchiveReading } from "./containers/archive.ts";
import { shown } from "./words.ts";

/** The verdict on an archive, and the digest of the archive it is about. */
export interface JudgedArchive extends Judged {
  readonly sha256: Sha256;
}

/** `path` as the archive would name it; `part` where the archive has several trees and only one can be meant. */
export interface WantedFile {
  readonly sha256: Sha256;
  readonly path?: string;
  readonly part?: string;
}

/** `foreign`: the archive says nothing about this file, neither for it nor against it. */
export type Contained =
  | { readonly kind: "judged"; readonly judged: Judged }
  | { readonly kind: "foreign"; readonly why: string };

/**
 * What an archive's verdict says about one file: it carries to exactly the files whose SHA-256 stands in the archive, with the archive and the file's
 * place in it as links of the chain. Under a path that a signed archive holds with other bytes a file contradicts it, whatever else it equals.
 */
export function judgeContained(archive: JudgedArchive, reading: ArchiveReading, file: WantedFile): Contained {
  if (!reading.ok) return unread(archive, reading.basis, `The archive could not be read: ${reading.why}.`);
  const { contents } = reading;
  if (contents.sha256 !== archive.sha256)
    return unread(archive, "unreadable", "The archive that was read is not the one that was judged.");
  const { byPath, byDigest } = placesIn(contents);
  const equal = byDigest.get(file.sha256) ?? [];
  const named = (file.path === undefined ? [] : (byPath.get(file.path) ?? [])).filter(
    ({ part }) => file.part === undefined || part === file.part,
  );
  const place = named.find(({ sha256 }) => sha256 === file.sha256);
  const [contrary] = named;
  if (place === undefined && contrary !== undefined) return contradicted(archive, contents, contrary, file);
  const held = place ?? equal[0];
  if (held === undefined) return { kind: "foreign", why: "no file in the archive has these bytes" };
  return judged(archive, carried(archive.verdict, chainOf(archive, contents, within(held, equal.length)), held));
}

const judged = ({ trustVersion, at }: JudgedArchive, verdict: Verdict): Contained => ({
  kind: "judged",
  judged: { verdict, trustVersion, at },
});

/** An archive that was not read to its end proves nothing, also where its signature holds. */
function unread(archive: JudgedArchive, basis: UncheckedBasis, says: string): Contained {
  return judged(archive, {
    standing: "unchecked",
    basis,
    wanted: "the archive as it was published, in a form that is read",
    says,
    chain: inOrder([
      ...linksOf(archive.verdict),
      { link: "archive", state: "missing", says, facts: { sha256: archive.sha256 } },
    ]),
  });
}

function carried(verdict: Verdict, chain: readonly ChainLink[], place: ArchivedFile): Verdict {
  const at = shown(place.path);
  const said = verdict.says.slice(0, 1500);
  switch (verdict.standing) {
    case "proven":
    case "signed":
      return { ...verdict, says: `It is byte for byte ${at} in an archive. Of the archive: ${said}`, chain };
    case "unproven":
      return {
        ...verdict,
        says: `It equals ${at} in an archive that nobody signed. Of the archive: ${said}`,
        chain,
      };
    case "refuted":
      return {
        ...verdict,
        says: `It comes from an archive that is refuted, as ${at}. Of the archive: ${said}`,
        chain,
      };
    case "unchecked":
      return {
        ...verdict,
        says: `It equals ${at} in an archive that could not be checked. Of the archive: ${said}`,
        chain,
      };
    default:
      return unreachable(verdict);
  }
}

/** Only an archive that somebody signed can contradict. One that is forged or unchecked accuses nobody. */
function contradicted(
  archive: JudgedArchive,
  contents: ArchiveContents,
  place: ArchivedFile,
  file: WantedFile,
): Contained {
  const at = shown(place.path);
  const { verdict } = archive;
  const link = (says: string): ChainLink => ({
    link: "file",
    state: "failed",
    says,
    facts: { ...placeFacts(place), sha256: file.sha256, expectedSha256: place.sha256 },
  });
  switch (verdict.standing) {
    case "proven":
    case "signed": {
      const says = `It differs from ${at} in the signed archive.`;
      return judged(archive, {
        standing: "refuted",
        basis: "contradicted",
        says,
        chain: chainOf(archive, contents, link(says)),
      });
    }
    case "unproven": {
      const says = `It differs from ${at} in an archive that nobody signed.`;
      return judged(archive, {
        standing: "unproven",
        basis: "none",
        says,
        chain: chainOf(archive, contents, link(says)),
      });
    }
    case "refuted":
    case "unchecked":
      return { kind: "foreign", why: `the archive holds ${at} with other bytes, but it is itself ${verdict.standing}` };
    default:
      return unreachable(verdict);
  }
}

const chainOf = (archive: JudgedArchive, contents: ArchiveContents, file: ChainLink): readonly ChainLink[] =>
  inOrder([...linksOf(archive.verdict), archiveLink(contents), file]);

/** What is said of the archive as a file is said of the link "archive" here; device and process are those of another file. */
const linksOf = ({ chain }: Verdict): readonly ChainLink[] =>
  chain
    .filter(({ link }) => link !== "device" && link !== "process")
    .map((link) => (link.link === "file" ? { ...link, link: "archive" } : link));

const archiveLink = ({ container, sha256, sha512, size, entries }: ArchiveContents): ChainLink => ({
  link: "archive",
  state: "verified",
  says: "The archive with this digest was read to its end.",
  facts: { container, sha256, sha512, size: String(size), entries: String(entries.length) },
});

const within = (place: ArchivedFile, places: number): ChainLink => ({
  link: "file",
  state: "verified",
  says: `The file equals ${shown(place.path)} in the archive.`,
  facts: {
    ...placeFacts(place),
    sha256: place.sha256,
    ...(places > 1 ? { places: String(places) } : {}),
  },
});

const placeFacts = ({ path, part, size, target }: ArchivedFile): Record<string, string> => ({
  path,
  ...(part === undefined ? {} : { part }),
  ...(target === undefined ? {} : { hardLinkTo: target }),
  size: String(size),
});

const inOrder = (links: readonly ChainLink[]): readonly ChainLink[] =>
  links.toSorted((a, b) => linkKinds.indexOf(a.link) - linkKinds.indexOf(b.link));

interface Places {
  readonly byPath: ReadonlyMap<string, readonly ArchivedFile[]>;
  readonly byDigest: ReadonlyMap<Sha256, readonly ArchivedFile[]>;
}

/** Made once for each listing: a package is asked about for each of its files. */
function placesIn(contents: ArchiveContents): Places {
  const known = places.get(contents);
  if (known !== undefined) return known;
  const files = contents.entries.filter(isFile);
  const made = { byPath: Map.groupBy(files, ({ path }) => path), byDigest: Map.groupBy(files, ({ sha256 }) => sha256) };
  places.set(contents, made);
  return made;
}

const isFile = (entry: ArchiveEntry): entry is ArchivedFile => entry.kind === "file" || entry.kind === "hard-link";

const places = new WeakMap<ArchiveContents, Places>();
