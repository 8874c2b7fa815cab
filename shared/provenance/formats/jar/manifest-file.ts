import { unreadable } from "../../refusal.ts";

/** JAR specification, "JAR Manifest": attributes of the whole, then one section per entry, each with its very bytes. */
export interface ManifestFile {
  readonly main: Section;
  readonly sections: ReadonlyMap<string, Section>;
}

export interface Section {
  /** By lower-case name: names of attributes know no case. */
  readonly attributes: ReadonlyMap<string, string>;
  /** With the empty line that ends it: what a digest of the section is made over. */
  readonly bytes: Uint8Array;
}

/**
 * Read so that no two readers see two manifests: a name or an attribute twice, a line without its end, a stray continuation or a
 * character that is no text refuses it. `what` is "the manifest" or a signature file's name.
 */
export function readManifestFile(
  bytes: Uint8Array,
  first: "manifest-version" | "signature-version",
  what: string,
): ManifestFile {
  const [main, ...rest] = sectionsOf(linesOf(bytes, what), bytes, what);
  if (main === undefined || main.names[0] !== first) throw unreadable(`${what} does not begin with its version`);
  const sections = new Map<string, Section>();
  for (const section of rest) {
    const name = section.names[0] === "name" ? section.attributes.get("name") : undefined;
    if (name === undefined) throw unreadable(`${what} has a section that names no entry`);
    if (sections.has(name)) throw unreadable(`${what} names ${name} twice`);
    if (sections.size === maxSections) throw unreadable(`${what} names more than ${maxSections} entries`);
    sections.set(name, section);
  }
  return { main, sections };
}

export const maxSections = 100_000;
/** The specification allows 72 bytes; writers that go beyond are read, within this. */
export const maxLineBytes = 65_535;

interface Line {
  readonly start: number;
  readonly end: number;
  /** Behind its CR LF, LF or CR. */
  readonly next: number;
}

function linesOf(bytes: Uint8Array, what: string): readonly Line[] {
  const lines: Line[] = [];
  for (let start = 0; start < bytes.length;) {
    let end = start;
    while (end < bytes.length && bytes[end] !== lineFeed && bytes[end] !== carriageReturn) end += 1;
    if (end === bytes.length) throw unreadable(`${what} has a last line without its end`);
    if (end - start > maxLineBytes) throw unreadable(`${what} has a line of more than ${maxLineBytes} bytes`);
    const next = end + (bytes[end] === carriageReturn && bytes[end + 1] === lineFeed ? 2 : 1);
    lines.push({ start, end, next });
    start = next;
  }
  return lines;
}

const [lineFeed, carriageReturn, space] = [0x0a, 0x0d, 0x20];

interface NamedSection extends Section {
  readonly names: readonly string[];
}

function sectionsOf(lines: readonly Line[], bytes: Uint8Array, what: string): readonly NamedSection[] {
  const sections: NamedSection[] = [];
  let open: Line[] = [];
  for (const line of lines) {
    if (line.end > line.start) open.push(line);
    else if (open.length > 0) {
      sections.push(sectionOf(open, line.next, bytes, what));
      open = [];
    }
  }
  const last = open.at(-1);
  if (last !== undefined) sections.push(sectionOf(open, last.next, bytes, what));
  return sections;
}

function sectionOf(lines: readonly Line[], end: number, bytes: Uint8Array, what: string): NamedSection {
  const attributes = new Map<string, string>();
  for (const line of unfolded(lines, bytes, what)) {
    const [, name = "", value] = /^([A-Za-z0-9][A-Za-z0-9_-]{0,69}): ([^\u0000-\u001f]*)$/s.exec(line) ?? [];
    if (value === undefined) throw unreadable(`${what} has a line that is no attribute`);
    if (attributes.has(name.toLowerCase())) throw unreadable(`${what} has the attribute ${name} twice in one section`);
    attributes.set(name.toLowerCase(), value);
  }
  return { attributes, names: [...attributes.keys()], bytes: bytes.subarray(lines[0]?.start ?? 0, end) };
}

/** A line that begins with a space goes on where the one before ended, in bytes: a character may be cut in two. */
function unfolded(lines: readonly Line[], bytes: Uint8Array, what: string): readonly string[] {
  const joined: Uint8Array[][] = [];
  for (const { start, end } of lines) {
    const continues = bytes[start] === space;
    const open = continues ? joined.at(-1) : [];
    if (open === undefined) throw unreadable(`${what} has a section that begins with a continuation`);
    open.push(bytes.subarray(continues ? start + 1 : start, end));
    if (!continues) joined.push(open);
  }
  return joined.map((pieces) => utf8(Buffer.concat(pieces), what));
}

function utf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw unreadable(`${what} is not UTF-8`);
  }
}
