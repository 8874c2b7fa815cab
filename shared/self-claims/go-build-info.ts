import { safeText } from "../lib/path-text.ts";

/** What the Go linker wrote into a program: its Go, its modules, how it was built. Unsigned, and anybody may write it. */
export interface GoBuildInfo {
  readonly goVersion: string;
  /** The package that was built. */
  readonly path?: string;
  readonly main?: GoModule;
  readonly modules: readonly GoModule[];
  readonly settings: readonly (readonly [name: string, value: string])[];
}

export interface GoModule {
  readonly path: string;
  readonly version: string;
  /** "h1:..." of go.sum. */
  readonly sum?: string;
  /** A folder of whoever built it stood in for the module: what it held, nobody else can know. */
  readonly replacedBy?: string;
}

/** debug/buildinfo: the section .go.buildinfo in the form since Go 1.18, with both texts in it. Undefined for older ones. */
export function readGoBuildInfo(section: Uint8Array): GoBuildInfo | undefined {
  if (!magic.every((byte, at) => section[at] === byte) || ((section[15] ?? 0) & textsInside) === 0) return undefined;
  const version = sizedText(section, 32);
  const information = version === undefined ? undefined : sizedText(section, version.end);
  if (version === undefined || information === undefined) return undefined;
  // runtime/debug: 16 bytes before and behind mark the text for tools that search for it.
  const text = information.text.length >= 33 ? information.text.slice(16, -16) : "";
  return { goVersion: shown(version.text), ...linesIn(text) };
}

/** "\xff Go buildinf:" */
const magic = [0xff, 0x20, 0x47, 0x6f, 0x20, 0x62, 0x75, 0x69, 0x6c, 0x64, 0x69, 0x6e, 0x66, 0x3a];
const textsInside = 2;
const maxText = 4 * 1024 * 1024;
const maxModules = 10_000;

/** encoding/binary's unsigned varint, then so many bytes. */
function sizedText(bytes: Uint8Array, from: number): { readonly text: string; readonly end: number } | undefined {
  let length = 0;
  let at = from;
  for (let shift = 1; ; shift *= 128) {
    const byte = bytes[at];
    if (byte === undefined || shift > maxText) return undefined;
    length += (byte & 0x7f) * shift;
    at += 1;
    if (byte < 0x80) break;
  }
  const end = at + length;
  return end > bytes.length ? undefined : { text: new TextDecoder().decode(bytes.subarray(at, end)), end };
}

function linesIn(text: string): Omit<GoBuildInfo, "goVersion"> {
  let path: string | undefined;
  let main: GoModule | undefined;
  const modules: GoModule[] = [];
  const settings: (readonly [string, string])[] = [];
  for (const line of text.split("\n")) {
    const [kind, ...fields] = line.split("\t");
    const [first = "", second = "", third = ""] = fields.map(shown);
    if (kind === "path") path = first;
    else if (kind === "mod") main = moduleOf(first, second, third);
    else if (kind === "dep" && modules.length < maxModules) modules.push(moduleOf(first, second, third));
    else if (kind === "=>") replaceLast(modules, moduleOf(first, second, third));
    else if (kind === "build") {
      const equals = first.indexOf("=");
      if (equals > 0 && settings.length < maxModules) settings.push([first.slice(0, equals), first.slice(equals + 1)]);
    }
  }
  return { ...(path === undefined ? {} : { path }), ...(main === undefined ? {} : { main }), modules, settings };
}

/** A replacement stands behind the module that it replaces: another module, or a folder. */
function replaceLast(modules: GoModule[], replacement: GoModule): void {
  const last = modules.pop();
  if (last === undefined) return;
  const { path, version } = last;
  modules.push(
    /^\.{0,2}[/\\]|^[A-Za-z]:/.test(replacement.path) ? { path, version, replacedBy: replacement.path } : replacement,
  );
}

const moduleOf = (path: string, version: string, sum: string): GoModule => ({
  path,
  version,
  ...(sum === "" ? {} : { sum }),
});

const shown = (text: string): string => safeText(text.slice(0, 1000));
