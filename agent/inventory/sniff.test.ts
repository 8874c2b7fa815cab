import { expect, test } from "vitest";
import { sniff } from "./sniff.ts";

function elf(type: number, bigEndian = false): Uint8Array {
  const bytes = Buffer.alloc(64);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, bigEndian ? 2 : 1]);
  if (bigEndian) bytes.writeUInt16BE(type, 16);
  else bytes.writeUInt16LE(type, 16);
  return bytes;
}

test.each<readonly [string, Uint8Array, number, number, string, string | undefined]>([
  ["a program at a fixed place", elf(2), 64, 0o644, "x", "elf"],
  ["a program that may lie anywhere", elf(3), 64, 0o755, "x", "elf"],
  ["a library without the permission", elf(3), 64, 0o644, "x", "library"],
  ["a library by its name", elf(3), 64, 0o755, "libx.so.6", "library"],
  ["a kernel module", elf(1), 64, 0o644, "x.ko", "library"],
  ["a program of another byte order", elf(2, true), 64, 0o644, "x", "elf"],
  ["an ELF file cut after 10 bytes, which nothing can start", elf(2), 10, 0o755, "x", undefined],
  ["an ELF file of exactly what is needed to tell", elf(2), 18, 0o755, "x", "elf"],
  ["a script", Buffer.from("#!/bin/sh\n"), 10, 0o755, "x", "script"],
  ["a script nobody may execute", Buffer.from("#!/bin/sh\n"), 10, 0o644, "x", undefined],
  ["two bytes of a script", Buffer.from("#!"), 2, 0o755, "x", undefined],
  ["nothing, in a buffer that held an ELF file before", elf(2), 0, 0o755, "x", undefined],
  ["text", Buffer.from("hello world, no program"), 23, 0o755, "x", undefined],
])("%s", (_name, head, length, mode, name, kind) => {
  expect(sniff(head, length, mode, name)).toBe(kind);
});
