import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { isRestored, isSealed, planSeal, seal, unseal } from "./file.ts";

const mayMount = process.getuid?.() === 0;
const bytes = "#!/bin/sh\necho evil\n";
const digest = createHash("sha256").update(bytes).digest("hex") as Sha256;

let scratch: string;
let disk: string;
/** A file system of the test's own, so that no vault is ever made on the machine's. */
beforeEach(() => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), "provost-vault-")));
  disk = join(scratch, "disk");
  mkdirSync(disk);
  run("mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=64,mode=755", "provost-test", disk);
  mkdirSync(join(disk, "home"));
  writeFileSync(join(disk, "home/evil"), bytes);
});
afterEach(() => {
  spawnSync("umount", ["-R", disk]);
  rmSync(scratch, { recursive: true, force: true });
});

function run(program: string, ...args: string[]): string {
  const done = spawnSync(program, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.stderr}`);
  return done.stdout;
}
const attributes = (path: string): string =>
  run(
    "python3",
    "-c",
    "import os,sys; print([(n, os.getxattr(sys.argv[1], n).hex()) for n in sorted(os.listxattr(sys.argv[1]))])",
    path,
  );
const plan = (path = "/home/evil", id = "cmd_1") => planSeal(id, disk, path, digest);

describe.skipIf(!mayMount)("the vault (root)", () => {
  test("takes a file, and gives it back with owner, mode, attributes, capabilities and times to the nanosecond", () => {
    const file = join(disk, "home/evil");
    chownSync(file, 1234, 2345);
    run(
      "python3",
      "-c",
      `import os,sys
f=sys.argv[1]
os.setxattr(f, "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
os.setxattr(f, "trusted.note", b"kept")
os.utime(f, ns=(1700000000123456789, 1700000001987654321))`,
      file,
    );
    chmodSync(file, 0o4751);
    const before = statSync(file, { bigint: true });
    const attributesBefore = attributes(file);
    expect(attributesBefore).toContain("security.capability");
    const sealed = plan();
    seal(sealed);
    expect(isSealed(sealed)).toBe(true);
    expect(existsSync(file)).toBe(false);
    expect(lstatSync(sealed.vault).mode & 0o7777).toBe(0);
    expect(lstatSync(join(disk, ".provost-vault")).mode & 0o777).toBe(0o700);
    expect(spawnSync(sealed.vault).error).toMatchObject({ code: "EACCES" });
    unseal(sealed);
    const after = statSync(file, { bigint: true });
    const kept = ({ ino, uid, gid, mode, mtimeNs, size, nlink }: typeof before) => [
      ino,
      uid,
      gid,
      mode,
      mtimeNs,
      size,
      nlink,
    ];
    expect(kept(after)).toEqual(kept(before));
    expect(attributes(file)).toBe(attributesBefore);
    expect(readFileSync(file, "utf8")).toBe(bytes);
    expect([isSealed(sealed), isRestored(sealed)]).toEqual([false, true]);
  });

  test("says how many other names a file has; those lose the mode, too", () => {
    linkSync(join(disk, "home/evil"), join(disk, "home/other"));
    const sealed = plan();
    expect(sealed.otherNames).toBe(1);
    seal(sealed);
    expect(spawnSync(join(disk, "home/other")).error).toMatchObject({ code: "EACCES" });
  });

  test.each([
    [
      "a symbolic link to the same file",
      () => {
        renameSync(join(disk, "home/evil"), join(disk, "moved"));
        symlinkSync(join(disk, "moved"), join(disk, "home/evil"));
      },
      /exchanged/,
    ],
    [
      "another file of the same bytes",
      () => {
        renameSync(join(disk, "home/evil"), join(disk, "moved"));
        writeFileSync(join(disk, "home/evil"), bytes);
      },
      /another file/,
    ],
    ["other bytes", () => writeFileSync(join(disk, "home/evil"), "harmless"), /other bytes/],
    ["nothing", () => rmSync(join(disk, "home/evil")), /gone/],
    [
      "a folder that leads elsewhere",
      () => {
        renameSync(join(disk, "home"), join(disk, "elsewhere"));
        symlinkSync(join(disk, "elsewhere"), join(disk, "home"));
      },
      /cannot be used/,
    ],
  ] as const)("refuses what was exchanged for %s after it was planned, and moves nothing", (_what, exchange, why) => {
    const sealed = plan();
    exchange();
    const before = run("find", disk, "-not", "-path", "*/.provost-vault*");
    expect(() => seal(sealed)).toThrow(why);
    expect(run("find", disk, "-not", "-path", "*/.provost-vault*")).toBe(before);
    expect(isSealed(sealed)).toBe(false);
  });

  test.each([
    ["a path with ..", "/home/../home/evil", /may name/],
    ["a path that is not whole", "home/evil", /may name/],
    ["a folder", "/home", /not a regular file/],
    ["what is not there", "/home/none", /not there/],
    ["a folder that is not there", "/none/evil", /cannot be used/],
    ["a path through a symbolic link", "/link/evil", /cannot be used/],
    ["a path below a symbolic link", "/link/deep/evil", /symbolic link/],
  ])("plans nothing for %s", (_what, path, why) => {
    mkdirSync(join(disk, "home/deep"));
    writeFileSync(join(disk, "home/deep/evil"), bytes);
    symlinkSync("home", join(disk, "link"));
    expect(() => plan(path)).toThrow(why);
  });

  test("puts back over nothing else: it stays sealed while something lies there", () => {
    const sealed = plan();
    seal(sealed);
    writeFileSync(join(disk, "home/evil"), "new");
    expect(() => unseal(sealed)).toThrow(/move it away/);
    expect(readFileSync(join(disk, "home/evil"), "utf8")).toBe("new");
    expect(lstatSync(sealed.vault).ino).toBe(sealed.ino);
    rmSync(join(disk, "home/evil"));
    unseal(sealed);
    expect(isRestored(sealed)).toBe(true);
  });

  test("ends what an earlier agent left half done, in both directions", () => {
    const sealed = plan();
    mkdirSync(join(disk, ".provost-vault"), { mode: 0o700 });
    renameSync(join(disk, "home/evil"), sealed.vault);
    seal(sealed);
    expect(isSealed(sealed)).toBe(true);
    linkSync(sealed.vault, join(disk, "home/evil"));
    unseal(sealed);
    expect([isRestored(sealed), existsSync(sealed.vault)]).toEqual([true, false]);
    unseal(sealed);
    expect(isRestored(sealed)).toBe(true);
  });

  test("seals on a full disk, for no byte is copied; where not even the folder fits, nothing moves", () => {
    spawnSync("dd", ["if=/dev/zero", `of=${join(disk, "full")}`, "bs=64k"]);
    const sealed = plan();
    seal(sealed);
    expect(isSealed(sealed)).toBe(true);
    unseal(sealed);
    rmSync(join(disk, ".provost-vault"), { recursive: true });
    for (let at = 0; at < 100; at += 1)
      try {
        writeFileSync(join(disk, `inode-${at}`), "");
      } catch {
        break;
      }
    expect(() => seal(sealed)).toThrow(/cannot be made.*ENOSPC/);
    expect(isRestored(sealed)).toBe(true);
  });

  test("is not somebody else's folder: where the name is taken it gets another", () => {
    mkdirSync(join(disk, "mine"));
    symlinkSync("mine", join(disk, ".provost-vault"));
    const sealed = plan();
    expect(sealed.vault).toBe(join(disk, ".provost-vault-cmd_1/cmd_1"));
    seal(sealed);
    expect(isSealed(sealed)).toBe(true);
    unseal(sealed);
    rmSync(join(disk, ".provost-vault"));
    const usual = plan("/home/evil", "cmd_2");
    mkdirSync(join(disk, ".provost-vault"));
    chownSync(join(disk, ".provost-vault"), 1234, 1234);
    expect(() => seal(usual)).toThrow(/not the agent's own/);
    expect(isRestored(usual)).toBe(true);
  });

  test("lies on the file's own file system", () => {
    const inner = join(disk, "home/inner");
    mkdirSync(inner);
    run("mount", "-t", "tmpfs", "-o", "size=1m", "provost-test", inner);
    writeFileSync(join(inner, "evil"), bytes);
    const sealed = plan("/home/inner/evil");
    expect(sealed.vault).toBe(join(inner, ".provost-vault/cmd_1"));
    seal(sealed);
    expect(isSealed(sealed)).toBe(true);
  });

  test("is full at a number of files, and says so", () => {
    run("mount", "-o", "remount,nr_inodes=20000", disk);
    mkdirSync(join(disk, ".provost-vault"), { mode: 0o700 });
    for (let at = 0; at < 10_000; at += 1) writeFileSync(join(disk, `.provost-vault/${at}`), "");
    const sealed = plan();
    expect(() => seal(sealed)).toThrow(/is full: it holds 10000 files/);
    expect(isRestored(sealed)).toBe(true);
  });
});
