import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, integer, property, uint8Array } from "fast-check";
import { afterAll, expect, test } from "vitest";
import { tarReader } from "./tar.ts";

const scratch = mkdtempSync(join(tmpdir(), "provost-tar-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const long = `${"d".repeat(90)}/${"e".repeat(90)}/${"f".repeat(120)}`;
mkdirSync(join(scratch, long), { recursive: true });
writeFileSync(join(scratch, long, "deep.txt"), "deep");
writeFileSync(join(scratch, "empty"), "");
writeFileSync(join(scratch, "block"), "b".repeat(512));
symlinkSync("block", join(scratch, "link"));

const pack = (format: string) =>
  execFileSync("tar", ["-c", `--format=${format}`, "-C", scratch, "empty", "block", "link", `${long}/deep.txt`]);

function read(bytes: Uint8Array, step: number) {
  const files = new Map<string, string>();
  const reader = tarReader(100, (member) => {
    files.set(member.path, member.kind === "symlink" ? `-> ${member.target}` : "");
    return (piece) => void files.set(member.path, files.get(member.path) + Buffer.from(piece).toString("latin1"));
  });
  for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
  return { files, fault: reader.end() };
}

test.each([
  ["pax", 1],
  ["pax", 512],
  ["gnu", 7],
  ["gnu", 100_000],
])("GNU tar's %s archive in pieces of %d bytes", (format, step) => {
  const { files, fault } = read(pack(format), step);
  expect(fault).toBeUndefined();
  expect([...files].map(([path, text]) => [path, text.length > 20 ? text.length : text])).toEqual([
    ["empty", ""],
    ["block", 512],
    ["link", "-> block"],
    [`${long}/deep.txt`, "deep"],
  ]);
});

test.each([
  ["cut short", (tar: Buffer) => tar.subarray(0, 700), "no end-of-archive block"],
  [
    "a changed header",
    (tar: Buffer) => Buffer.concat([Buffer.from("X"), tar.subarray(1)]),
    "a header whose checksum is wrong",
  ],
  ["nothing at all", () => Buffer.alloc(0), "no end-of-archive block"],
])("%s is a fault", (_name, change, fault) => {
  expect(read(change(pack("gnu")), 512).fault).toBe(fault);
});

test("more members than allowed are a fault", () => {
  const reader = tarReader(2, () => undefined);
  reader.push(pack("gnu"));
  expect(reader.end()).toBe("more than 2 members");
});

test("any bytes, and any change of a good archive, end in a fault or in members", () => {
  const good = pack("pax");
  assert(
    property(
      uint8Array({ maxLength: 3000 }),
      integer({ min: 0, max: good.length - 1 }),
      integer({ min: 0, max: 255 }),
      (bytes, at, value) => {
        read(bytes, 600);
        const changed = Buffer.from(good);
        changed[at] = value;
        const { files } = read(changed, 4096);
        expect(files.size).toBeLessThanOrEqual(100);
      },
    ),
  );
});
