import type { FileKind } from "@provost/shared/model/inventory.ts";

/** Enough of a file's beginning to tell what it is. */
export const sniffBytes = 64;

/**
 * What the first bytes and the mode say: an ELF program, a shared library (or another ELF the loader or kernel takes), or a
 * script the kernel would start. Undefined: nothing that is run as such.
 */
export function sniff(head: Uint8Array, length: number, mode: number, name: string): FileKind | undefined {
  if (length >= 18 && head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46)
    return elfKind(head, mode, name);
  // execve(2): "#!" and the execute permission.
  if (length >= 3 && head[0] === 0x23 && head[1] === 0x21 && (mode & 0o111) !== 0) return "script";
  return undefined;
}

/** ELF specification, e_type: 2 is ET_EXEC, 3 is ET_DYN (library or position-independent program), 1 is ET_REL (.o, .ko). */
function elfKind(head: Uint8Array, mode: number, name: string): FileKind {
  const littleEndian = head[5] === 1;
  const type = littleEndian ? (head[16] ?? 0) + 256 * (head[17] ?? 0) : (head[17] ?? 0) + 256 * (head[16] ?? 0);
  if (type === 2) return "elf";
  if (type !== 3) return "library";
  return (mode & 0o111) === 0 || libraryName.test(name) ? "library" : "elf";
}

const libraryName = /\.so(\.|$)/;
