import { hash } from "node:crypto";
import { safeText } from "@provost/shared/lib/path-text.ts";
import type {
  MaintainerScript,
  PackagedFile,
  PackagedSymlink,
  ScriptMention,
} from "@provost/shared/provenance/package-proof.ts";
import { readStanza } from "@provost/shared/ecosystems/deb/control.ts";
import { scriptMentions } from "./maintainer-script.ts";
import type { TarEntry } from "./tar.ts";

export interface DebContents {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  readonly files: readonly PackagedFile[];
  readonly symlinks: readonly PackagedSymlink[];
  readonly folders: number;
  readonly others: readonly string[];
  readonly scripts: readonly MaintainerScript[];
  readonly conffiles: readonly string[];
  readonly diversions: readonly ScriptMention[];
  readonly alternatives: readonly ScriptMention[];
}

export type ContentsReading =
  | { readonly kind: "read"; readonly contents: DebContents }
  | { readonly kind: "refused"; readonly cause: "damaged"; readonly why: string };

type Entries = ReadonlyMap<string, TarEntry>;

/** Joins what control.tar says about the package with what data.tar holds. */
export function debContents(control: Entries, data: Entries): ContentsReading {
  const stanza = readStanza(textOf(control, "/control"));
  if (stanza.kind === "malformed")
    return { kind: "refused", cause: "damaged", why: `its control file is malformed: ${stanza.why}` };
  const scripts = scriptsOf(control);
  const mentions = scripts.flatMap(({ name, content }) => scriptMentions(name, content));
  const md5sums = md5sumsOf(textOf(control, "/md5sums"));
  const entries = [...data.values()];
  const contents = {
    name: stanza.stanza.get("package") ?? "",
    version: stanza.stanza.get("version") ?? "",
    arch: stanza.stanza.get("architecture") ?? "",
    files: entries.flatMap((entry) => (entry.kind === "file" ? [fileOf(entry, md5sums)] : [])),
    symlinks: entries.flatMap((entry) =>
      entry.kind === "symlink" ? [{ path: entry.path, target: entry.target }] : [],
    ),
    folders: entries.filter((entry) => entry.kind === "folder").length,
    others: entries.flatMap((entry) => (entry.kind === "other" ? [entry.path] : [])),
    scripts: scripts.map(({ name, content }) => ({ name, sha256: hashOf(content), size: content.length })),
    conffiles: conffilesOf(textOf(control, "/conffiles")),
    diversions: mentions.flatMap(({ tool, mention }) => (tool === "dpkg-divert" ? [mention] : [])),
    alternatives: mentions.flatMap(({ tool, mention }) => (tool === "update-alternatives" ? [mention] : [])),
  };
  return { kind: "read", contents };
}

function textOf(control: Entries, path: string): string {
  const entry = control.get(path);
  return entry?.kind === "file" ? (entry.content ?? Buffer.alloc(0)).toString("utf8") : "";
}

/** Everything dpkg keeps beside control that could be run or asked: scripts, triggers, shlibs, templates, config. */
function scriptsOf(control: Entries): readonly { readonly name: string; readonly content: Buffer }[] {
  return [...control.values()].flatMap((entry) =>
    entry.kind === "file" && !["/control", "/md5sums", "/conffiles"].includes(entry.path)
      ? [{ name: entry.path.slice(1), content: entry.content ?? Buffer.alloc(0) }]
      : [],
  );
}

const hashOf = (content: Buffer) => hash("sha256", content, "hex") as MaintainerScript["sha256"];

/** "digest  usr/bin/x" per line; a line that is none is not worth refusing a signed package for. */
function md5sumsOf(text: string): ReadonlyMap<string, string> {
  const sums = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, md5, path] = /^([0-9a-f]{32})\s+\*?(?:\.\/)?(\S.*)$/.exec(line) ?? [];
    if (md5 !== undefined && path !== undefined) sums.set(`/${safeText(path)}`, md5);
  }
  return sums;
}

function fileOf(entry: Extract<TarEntry, { kind: "file" }>, md5sums: ReadonlyMap<string, string>): PackagedFile {
  const md5 = md5sums.get(entry.path);
  const { path, sha256, size, mode, hardLinkTo } = entry;
  return {
    path,
    sha256,
    size,
    mode,
    ...(hardLinkTo === undefined ? {} : { hardLinkTo }),
    ...(md5 === undefined ? {} : { md5 }),
  };
}

/** deb-conffiles(5): one absolute path per line; "remove-on-upgrade PATH" names a file the package no longer has. */
function conffilesOf(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => (line.startsWith("/") ? [safeText(line.trimEnd())] : []));
}
