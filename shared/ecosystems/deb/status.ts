import { boundedLines, type BoundedLine } from "../../lib/lines.ts";
import { pathText, safeText } from "../../lib/path-text.ts";

/** deb-control(5) as dpkg keeps it in its status file: what an installed package says of itself. */
export interface StatusStanza {
  readonly kind: "package";
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  /** The third word of Status; "installed" where there is no Status field (distroless images). */
  readonly state: string;
  readonly maintainer?: string;
  readonly origin?: string;
  readonly source?: { readonly name: string; readonly version: string };
  readonly conffiles: readonly Conffile[];
}

/** A configuration file as the package shipped it. `md5` is absent before its first configuration. */
export interface Conffile {
  readonly path: string;
  readonly md5?: string;
}

export interface StatusFault {
  readonly kind: "fault";
  readonly line: number;
  readonly why: string;
}

/** Stanza by stanza, so that one that is damaged costs only itself. Bounded by `MAX_LINE`, `MAX_STANZA` and `MAX_STANZAS`. */
export function* readStatus(chunks: Iterable<Uint8Array>): Generator<StatusStanza | StatusFault> {
  let draft: Draft | undefined;
  let count = 0;
  for (const line of boundedLines(chunks, MAX_LINE)) {
    if (line.bytes.length === 0 && !line.long) {
      if (draft !== undefined) yield finish(draft);
      draft = undefined;
      continue;
    }
    if (draft === undefined) {
      count += 1;
      if (count > MAX_STANZAS) {
        yield { kind: "fault", line: line.number, why: `more than ${MAX_STANZAS} packages` };
        return;
      }
      draft = { line: line.number, fields: new Map(), conffiles: [], bytes: 0 };
    }
    take(draft, line);
  }
  if (draft !== undefined) yield finish(draft);
}

export const isPackageName = (text: string): boolean => packageName.test(text) && text.length <= 255;
export const isArchitecture = (text: string): boolean => /^[a-z0-9][a-z0-9-]{0,63}$/.test(text);
export const isDebVersion = (text: string): boolean => /^[0-9A-Za-z.+:~_-]{1,255}$/.test(text);

const MAX_LINE = 64 * 1024;
const MAX_STANZA = 4 * 1024 * 1024;
const MAX_STANZAS = 200_000;
// dpkg's pkg_name_is_illegal(): letters, digits and -+._, beginning with one of the first two.
const packageName = /^[A-Za-z0-9][A-Za-z0-9+._-]*$/;
const wantedFields: ReadonlySet<string> = new Set([
  "package",
  "status",
  "version",
  "architecture",
  "source",
  "maintainer",
  "origin",
  "conffiles",
]);

interface Draft {
  readonly line: number;
  readonly fields: Map<string, string>;
  readonly conffiles: Conffile[];
  bytes: number;
  current?: string;
  fault?: string | undefined;
}

function take(draft: Draft, line: BoundedLine): void {
  draft.bytes += line.bytes.length;
  draft.fault ??= lineFault(draft, line);
  if (draft.fault !== undefined) return;
  const first = line.bytes[0];
  if (first === SPACE || first === TAB) {
    if (draft.current === "conffiles") takeConffile(draft, line.bytes);
    return;
  }
  const colon = line.bytes.indexOf(COLON);
  const name = colon > 0 && colon <= 128 ? decoder.decode(line.bytes.subarray(0, colon)).toLowerCase() : undefined;
  if (name === undefined || !/^[!-9;-~]+$/.test(name)) {
    draft.fault = `line ${line.number} is no field`;
    return;
  }
  draft.current = name;
  if (!wantedFields.has(name)) return;
  if (draft.fields.has(name)) draft.fault = `line ${line.number} repeats the field ${name}`;
  draft.fields.set(name, decoder.decode(line.bytes.subarray(colon + 1)).trim());
}

function lineFault(draft: Draft, line: BoundedLine): string | undefined {
  if (line.long) return `line ${line.number} is longer than ${MAX_LINE} bytes`;
  if (line.cut) return `the file ends in the middle of line ${line.number}`;
  if (draft.bytes > MAX_STANZA) return `it is longer than ${MAX_STANZA} bytes`;
  return line.bytes.includes(0) ? `line ${line.number} holds a NUL` : undefined;
}

/** " /etc/name md5 [obsolete|remove-on-upgrade]"; before the first configuration the digest reads "newconffile". */
function takeConffile(draft: Draft, bytes: Uint8Array): void {
  const found = /^ (\/.*?) ([0-9a-f]{32}|newconffile)(?: [a-z-]+)*$/.exec(pathText(bytes));
  const [, path, digest] = found ?? [];
  if (path === undefined || digest === undefined) draft.fault = "a line of Conffiles that is malformed";
  else draft.conffiles.push(digest === "newconffile" ? { path } : { path, md5: digest });
}

function finish(draft: Draft): StatusStanza | StatusFault {
  const { fields, conffiles } = draft;
  const name = fields.get("package") ?? "";
  const version = fields.get("version") ?? "";
  const arch = fields.get("architecture") ?? "";
  const state = stateOf(fields.get("status"));
  const why = draft.fault ?? stanzaFault(name, version, arch, state);
  if (why !== undefined || state === undefined)
    return { kind: "fault", line: draft.line, why: titled(name, why ?? "") };
  const maintainer = fields.get("maintainer");
  const origin = fields.get("origin");
  const source = sourceOf(fields.get("source"), name, version);
  return {
    kind: "package",
    name,
    version,
    arch,
    state,
    conffiles,
    ...(maintainer && { maintainer: shown(maintainer) }),
    ...(origin && { origin: shown(origin) }),
    ...(source && { source }),
  };
}

function stanzaFault(name: string, version: string, arch: string, state: string | undefined): string | undefined {
  if (name === "") return "it has no Package field";
  if (!isPackageName(name)) return "its name is not a package name";
  if (state === undefined) return "its Status is malformed";
  // dpkg keeps a stanza without version for a package that was only ever selected or removed.
  if (version === "" && state === "not-installed") return undefined;
  if (version === "") return "it has no Version field";
  if (!isDebVersion(version)) return "its version is malformed";
  return isArchitecture(arch)
    ? undefined
    : arch === ""
      ? "it has no Architecture field"
      : "its architecture is malformed";
}

function stateOf(status: string | undefined): string | undefined {
  if (status === undefined) return "installed";
  const [want, flag, state, ...rest] = status.split(/\s+/);
  return want && flag && state && rest.length === 0 && /^[a-z-]{1,40}$/.test(state) ? state : undefined;
}

/** deb-control(5): "Source: name (version)"; both default to the package's own. */
function sourceOf(field: string | undefined, name: string, version: string): StatusStanza["source"] {
  if (field === undefined) return { name, version };
  const found = /^(\S+)(?:\s+\(([^)\s]+)\))?$/.exec(field);
  const source = { name: found?.[1] ?? "", version: found?.[2] ?? version };
  return isPackageName(source.name) && isDebVersion(source.version) ? source : undefined;
}

const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;
const decoder = new TextDecoder();
const shown = (text: string): string => safeText(text.slice(0, 400));
const titled = (name: string, why: string): string =>
  isPackageName(name) ? `package ${name}: ${why}` : `a stanza: ${why}`;
