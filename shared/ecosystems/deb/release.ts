import { type Instant, instant, type Sha256, sha256 } from "../../model/ids.ts";
import { readStanza } from "./control.ts";

/** What an archive's Release file says about itself and about its indices. Nothing here is believed before its signature. */
export interface Release {
  readonly origin: string;
  readonly suite: string;
  readonly codename: string;
  readonly date: Instant;
  readonly validUntil?: Instant;
  readonly acquireByHash: boolean;
  /** Packages of architecture "all" stand in an index of their own; else each architecture's index lists them too. */
  readonly allApart: boolean;
  readonly files: ReadonlyMap<string, ReleaseFile>;
}

export interface ReleaseFile {
  readonly sha256: Sha256;
  readonly size: number;
}

export type ReleaseReading =
  | { readonly kind: "release"; readonly release: Release }
  | { readonly kind: "malformed"; readonly why: string };

/** Debian's largest suites list some 3,000 indices. */
export const maxReleaseFiles = 100_000;

/** https://wiki.debian.org/DebianRepository/Format, "Release files": only SHA256 counts, weaker sums are not read. */
export function readRelease(text: string): ReleaseReading {
  const reading = readStanza(text.replaceAll("\r\n", "\n"));
  if (reading.kind === "malformed") return reading;
  const field = (name: string): string => reading.stanza.get(name) ?? "";
  const date = parseReleaseDate(field("date"));
  if (date === undefined) return { kind: "malformed", why: "no readable Date" };
  const until = reading.stanza.get("valid-until");
  const validUntil = until === undefined ? undefined : parseReleaseDate(until);
  if (until !== undefined && validUntil === undefined) return { kind: "malformed", why: "an unreadable Valid-Until" };
  const files = filesOf(field("sha256"));
  if (typeof files === "string") return { kind: "malformed", why: files };
  const release = {
    origin: field("origin"),
    suite: field("suite"),
    codename: field("codename"),
    date,
    acquireByHash: field("acquire-by-hash") === "yes",
    allApart:
      /(^|\s)all(\s|$)/.test(field("architectures")) &&
      !/(^|\s)Packages(\s|$)/.test(field("no-support-for-architecture-all")),
    files,
  };
  return { kind: "release", release: validUntil === undefined ? release : { ...release, validUntil } };
}

function filesOf(lines: string): ReadonlyMap<string, ReleaseFile> | string {
  const files = new Map<string, ReleaseFile>();
  for (const line of lines.split("\n")) {
    if (line.trim() === "") continue;
    const [, hex, size, path] = /^\s*([0-9a-f]{64})\s+([0-9]{1,13})\s+(\S+)$/.exec(line) ?? [];
    const digest = sha256(hex ?? "");
    if (digest === undefined || path === undefined)
      return `a SHA256 line that is none: ${JSON.stringify(line.slice(0, 80))}`;
    const known = files.get(path);
    if (known !== undefined && known.sha256 !== digest) return `two SHA-256 sums for ${path}`;
    files.set(path, { sha256: digest, size: Number(size) });
    if (files.size > maxReleaseFiles) return `more than ${maxReleaseFiles} files`;
  }
  return files.size === 0 ? "no SHA256 sums" : files;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** RFC 1123 as archives write it: "Sat, 11 Jul 2026 10:16:37 UTC". Only UTC is meant, whatever its spelling. */
export function parseReleaseDate(text: string): Instant | undefined {
  const parts =
    /^(?:[A-Z][a-z]{2}, +)?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) +(\d{1,2}):(\d{2}):(\d{2}) (?:UTC|GMT|Z|[+-]0000)$/.exec(
      text.trim(),
    );
  const month = months.indexOf(parts?.[2] ?? "");
  if (parts === null || month < 0) return undefined;
  const [day, year, hour, minute, second] = [1, 3, 4, 5, 6].map((at) => Number(parts[at]));
  const at = Date.UTC(year ?? 0, month, day, hour, minute, second);
  return new Date(at).getUTCDate() === day ? instant(at) : undefined;
}
