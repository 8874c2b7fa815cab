import { type Sha256, sha256 } from "../../model/ids.ts";
import { readStanza, type StanzaLimits } from "./control.ts";

/** One binary package as a signed Packages file lists it. */
export interface PackageEntry {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  /** Relative to the archive's URI, without "." and ".." segments. */
  readonly filename: string;
  readonly size: number;
  readonly sha256: Sha256;
}

export type EntryReading =
  | { readonly kind: "entry"; readonly entry: PackageEntry }
  | { readonly kind: "refused"; readonly why: string };

const limits: StanzaLimits = { characters: 1 << 20, fields: 200 };

export function readPackageEntry(text: string): EntryReading {
  const reading = readStanza(text, limits);
  if (reading.kind === "malformed") return refused(reading.why);
  const field = (name: string): string => reading.stanza.get(name) ?? "";
  const name = field("package");
  const version = field("version");
  const arch = field("architecture");
  if (!isPackageName(name)) return refused(`a Package that is no package name: ${JSON.stringify(name.slice(0, 60))}`);
  if (!isVersion(version)) return refused(`${name}: a Version that is none`);
  if (!isArchitecture(arch)) return refused(`${name}: an Architecture that is none`);
  const digest = sha256(field("sha256"));
  if (digest === undefined) return refused(`${name} ${version}: no SHA256`);
  const size = field("size");
  if (!/^[0-9]{1,13}$/.test(size)) return refused(`${name} ${version}: no Size`);
  const filename = safeFilename(field("filename"));
  if (filename === undefined) return refused(`${name} ${version}: a Filename that leaves the archive`);
  return { kind: "entry", entry: { name, version, arch, filename, size: Number(size), sha256: digest } };
}

/** Policy 5.6.1, with the upper case some third-party archives use. */
export const isPackageName = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9+.-]{0,254}$/.test(text);
/** Policy 5.6.12. */
export const isVersion = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9.+~:-]{0,254}$/.test(text);
export const isArchitecture = (text: string): boolean => /^[a-z0-9][a-z0-9-]{0,63}$/.test(text);

/** A Filename names a file below the archive's URI and nothing else: no scheme, no query, no climbing, nothing encoded. */
export function safeFilename(text: string): string | undefined {
  if (text.length > 4096 || !/^(?:[A-Za-z0-9._+~:@=^,()/-]|%3[aA])+$/.test(text)) return undefined;
  if (text.startsWith("/") || /^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return undefined;
  const segments = text.replace(/^(?:\.\/)+/, "").split("/");
  return segments.every((segment) => segment !== "" && segment !== "." && segment !== "..")
    ? segments.join("/")
    : undefined;
}

const refused = (why: string): EntryReading => ({ kind: "refused", why });
