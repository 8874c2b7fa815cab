import { boundedJson } from "../lib/bounded-json.ts";
import { safeText } from "../lib/path-text.ts";
import { readCargoAuditable, type AuditableCrate } from "./cargo-auditable.ts";
import { readElf, type ByteSource, type ElfNote } from "./elf.ts";
import { readGoBuildInfo, type GoBuildInfo } from "./go-build-info.ts";

/** What a program says about itself. Nobody signed it, and whoever wrote the file wrote this too: `claimed`, never more. */
export interface SelfClaims {
  /** The linker's name for this build, in hexadecimal. */
  readonly buildId?: string;
  /** systemd's package note: which package its packager built it for. */
  readonly packageNote?: readonly (readonly [name: string, value: string])[];
  readonly go?: GoBuildInfo;
  readonly crates?: readonly AuditableCrate[];
}

export function readSelfClaims(source: ByteSource): SelfClaims {
  const elf = readElf(source);
  if (elf === undefined) return {};
  const buildId = elf.notes.find(({ owner, type }) => owner === "GNU" && type === gnuBuildId);
  const note = elf.notes.find(({ owner, type }) => owner === "FDO" && type === packageMetadata);
  const packageNote = note === undefined ? undefined : packageNoteIn(note);
  const goSection = elf.section(".go.buildinfo", maxGoSection);
  const go = goSection === undefined ? undefined : readGoBuildInfo(goSection);
  const crateSection = elf.section(".dep-v0", maxCrateSection);
  const crates = crateSection === undefined ? undefined : readCargoAuditable(crateSection);
  return {
    ...(buildId === undefined || buildId.bytes.length > 64 ? {} : { buildId: hex(buildId.bytes) }),
    ...(packageNote === undefined ? {} : { packageNote }),
    ...(go === undefined ? {} : { go }),
    ...(crates === undefined ? {} : { crates }),
  };
}

const gnuBuildId = 3;
/** systemd.io/ELF_PACKAGE_METADATA: the note "FDO" of this type holds one JSON object of texts. */
const packageMetadata = 0xcafe1a7e;
const maxGoSection = 8 * 1024 * 1024;
const maxCrateSection = 8 * 1024 * 1024;
const maxMembers = 50;

function packageNoteIn({ bytes }: ElfNote): SelfClaims["packageNote"] {
  const end = bytes.indexOf(0);
  const json = boundedJson(end === -1 ? bytes : bytes.subarray(0, end), 4);
  if (json.kind === "refused" || typeof json.value !== "object" || json.value === null) return undefined;
  return Object.entries(json.value)
    .filter((entry): entry is [string, string] => typeof entry[1] === "string")
    .slice(0, maxMembers)
    .map(([name, value]) => [safeText(name.slice(0, 100)), safeText(value.slice(0, 1000))] as const);
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
