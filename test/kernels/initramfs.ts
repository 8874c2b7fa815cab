import { lstat, readFile, readlink } from "node:fs/promises";
import { gzipSync } from "node:zlib";

/** What stands at a path of the machine: a file of this one, or bytes. */
export type Content = { readonly from: string } | { readonly bytes: Uint8Array | string; readonly mode?: number };

/** A compressed archive in cpio's "newc" form, which the kernel unpacks into its first root. Folders are made as paths need them. */
export async function initramfs(files: Readonly<Record<string, Content>>): Promise<Buffer> {
  const entries: Buffer[] = [];
  const made = new Set<string>();
  for (const [path, content] of Object.entries(files)) {
    const relative = path.replace(/^\//, "");
    relative
      .split("/")
      .slice(0, -1)
      .forEach((_, depth, names) => {
        const folder = names.slice(0, depth + 1).join("/");
        if (!made.has(folder)) entries.push(entry(entries.length, folder, 0o040755, Buffer.alloc(0)));
        made.add(folder);
      });
    entries.push(await fileEntry(entries.length, relative, content));
  }
  entries.push(entry(0, "TRAILER!!!", 0, Buffer.alloc(0)));
  return gzipSync(Buffer.concat(entries), { level: 1 });
}

async function fileEntry(number: number, path: string, content: Content): Promise<Buffer> {
  if ("bytes" in content) return entry(number, path, 0o100000 | (content.mode ?? 0o755), Buffer.from(content.bytes));
  const is = await lstat(content.from);
  if (is.isSymbolicLink()) return entry(number, path, 0o120777, Buffer.from(await readlink(content.from)));
  return entry(number, path, is.mode, await readFile(content.from));
}

/** Header of thirteen numbers in eight hexadecimal digits each, name with its NUL, content; name and content padded to four bytes. */
function entry(number: number, name: string, mode: number, content: Buffer): Buffer {
  const nameBytes = Buffer.from(`${name}\0`);
  const fields = [number, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, nameBytes.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`);
  const padding = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4);
  return Buffer.concat([
    header,
    nameBytes,
    padding(header.length + nameBytes.length),
    content,
    padding(content.length),
  ]);
}
