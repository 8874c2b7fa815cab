import { createHash } from "node:crypto";
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containerLimits } from "@provost/shared/provenance/containers/limits.ts";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { forgeRpm } from "../../test/support/forge-rpm.ts";
import { forgeTar } from "../../test/support/forge-tar.ts";
import { archiveOnDisk, type ArchiveOnDisk } from "./archive-contents.ts";

// Whole programs on a machine that may be busy with others.
vi.setConfig({ testTimeout: 60_000 });

const signal = new AbortController().signal;
const scratch = mkdtempSync(join(tmpdir(), "provost-archive-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string): string => join(scratch, name);
const hex = (bytes: string | Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const have = (program: string): boolean => spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
const noise = Array.from({ length: 20_000 }, (_, index) => hex(String(index))).join("\n");

const digests = (reading: ArchiveOnDisk): Record<string, string> => {
  if (!reading.ok) throw new Error(reading.why);
  return Object.fromEntries(
    reading.contents.entries.flatMap((entry) => ("sha256" in entry ? [[entry.path, entry.sha256]] : [])),
  );
};

describe("packings", () => {
  const tar = forgeTar([
    { name: "a", data: "one" },
    { name: "noise", data: noise },
  ]);
  const want = { a: hex("one"), noise: hex(noise) };
  const packers = [
    ["xz", ["-c", "-1"]],
    ["bzip2", ["-c"]],
    ["zstd", ["-c", "-q"]],
    ["gzip", ["-c"]],
  ] as const;
  const packed = (program: string, args: readonly string[], input: Uint8Array): Buffer =>
    execFileSync(program, args, { input, maxBuffer: 1 << 28 });

  describe.each(packers)("%s", (program, args) => {
    test.skipIf(!have(program))(
      "is unpacked, and refused when it is cut short, goes on behind its end, or is damaged",
      async () => {
        const whole = packed(program, args, tar);
        writeFileSync(at("good"), whole);
        expect(digests(await archiveOnDisk(at("good"), { signal }))).toEqual(want);
        const middle = whole.length >> 1;
        const changed: readonly (readonly [string, Buffer])[] = [
          ["cut in the middle", whole.subarray(0, middle)],
          ["cut at its end", whole.subarray(0, -3)],
          ["with bytes behind it", Buffer.concat([whole, Buffer.from("garbage!")])],
          ["with a second stream behind it", Buffer.concat([whole, packed(program, args, tar)])],
          ["changed", Buffer.from(whole).fill(0, middle, middle + 9)],
        ];
        for (const [name, bytes] of changed) {
          writeFileSync(at("bad"), bytes);
          expect([name, await archiveOnDisk(at("bad"), { signal })]).toMatchObject([
            name,
            { ok: false, basis: "unreadable" },
          ]);
        }
      },
    );

    test.skipIf(!have(program))("is stopped when it unpacks to too much", async () => {
      const zeros = forgeTar([{ name: "a", data: new Uint8Array(3_000_000) }]);
      writeFileSync(at("bomb"), packed(program, args, zeros));
      expect(
        await archiveOnDisk(at("bomb"), { signal, limits: { ...containerLimits, unpackedBytes: 1_000_000 } }),
      ).toMatchObject({
        ok: false,
        why: "it unpacks to more than 1000000 bytes",
      });
    });
  });

  test.skipIf(!have("xz")).each([
    ["what it unpacked is refused", undefined],
    ["time is up", 1],
  ])("a program that still runs is ended when %s", async (_, files) => {
    const tar = forgeTar([
      { name: "a", data: "one" },
      { name: "a", data: new Uint8Array(30_000_000) },
    ]);
    writeFileSync(at("long.tar.xz"), packed("xz", ["-c", "-0"], tar));
    const stop = new AbortController();
    const keep = (): boolean => {
      if (files !== undefined) stop.abort();
      return false;
    };
    expect((await archiveOnDisk(at("long.tar.xz"), { signal: stop.signal, keep })).ok).toBe(false);
    const rpm = forgeRpm([{ path: "/a", unlisted: true, data: "x".repeat(5_000_000) }], {
      compressor: "xz",
      pack: (cpio) => packed("xz", ["-c", "-0"], cpio),
    });
    writeFileSync(at("long.rpm"), rpm);
    expect(await archiveOnDisk(at("long.rpm"), { signal })).toMatchObject({ ok: false, basis: "unreadable" });
    expect(spawnSync("pgrep", ["-P", String(process.pid), "-x", "xz"]).stdout.toString()).toBe("");
  });

  test("a program that is not there makes the archive unsupported, not damaged", async () => {
    writeFileSync(at("x.tar.xz"), Buffer.from("fd377a585a000004", "hex"));
    vi.stubEnv("PATH", at("nowhere"));
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await archiveOnDisk(at("x.tar.xz"), { signal })).toEqual({
      ok: false,
      basis: "unsupported",
      why: expect.stringMatching(/^xz cannot be unpacked: xz could not be started/) as string,
    });
  });
});

describe("the file on the disk", () => {
  const tar = forgeTar([{ name: "a", data: "one" }]);

  test("comes with the identity under which it was read, and what is kept with its bytes", async () => {
    writeFileSync(at("plain.tar"), tar);
    symlinkSync("plain.tar", at("link.tar"));
    const reading = await archiveOnDisk(at("link.tar"), { signal, keep: (path) => path === "a" });
    expect(reading).toMatchObject({
      ok: true,
      identity: { size: tar.length },
      contents: { sha256: hex(tar), entries: [{ bytes: new TextEncoder().encode("one") }] },
    });
  });

  test("that changes while it is read has no contents", async () => {
    writeFileSync(at("changing.tar"), tar);
    const keep = (): boolean => {
      appendFileSync(at("changing.tar"), "x");
      return false;
    };
    expect(await archiveOnDisk(at("changing.tar"), { signal, keep })).toEqual({
      ok: false,
      basis: "unreadable",
      why: "it changed while it was being read",
    });
  });

  test.each([
    ["that is gone", () => at("gone"), "it is gone"],
    ["that is a folder", () => scratch, "it is not a regular file"],
  ])("%s", async (_, path, why) => {
    expect(await archiveOnDisk(path(), { signal })).toEqual({ ok: false, basis: "unreadable", why });
  });

  test("is left when time is up", async () => {
    writeFileSync(at("late.tar"), tar);
    expect(await archiveOnDisk(at("late.tar"), { signal: AbortSignal.abort() })).toMatchObject({ basis: "deadline" });
  });
});

describe("packages as their own tools see them", () => {
  test.skipIf(!have("dpkg-deb")).each(["gzip", "xz", "zstd", "none"])("dpkg-deb -Z%s", async (packing) => {
    const root = at(`root-${packing}`);
    for (const folder of ["DEBIAN", "usr/bin"]) mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(
      join(root, "DEBIAN/control"),
      "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n",
    );
    writeFileSync(join(root, "DEBIAN/postinst"), "#!/bin/sh\n", { mode: 0o755 });
    writeFileSync(join(root, "usr/bin/noise"), noise);
    const deb = at(`${packing}.deb`);
    execFileSync("dpkg-deb", [`-Z${packing}`, "--root-owner-group", "-b", root, deb], { stdio: "ignore" });
    const reading = await archiveOnDisk(deb, { signal });
    const listed = reading.ok ? reading.contents.entries.filter(({ part }) => part === "data") : [];
    const system = execFileSync("dpkg-deb", ["--fsys-tarfile", deb], { maxBuffer: 1 << 28 });
    const names = execFileSync("tar", ["-t"], { input: system }).toString().trim().split("\n");
    expect(listed.map(({ path, kind }) => (path === "." ? "./" : `./${path}${kind === "folder" ? "/" : ""}`))).toEqual(
      names,
    );
    expect(digests(reading)).toMatchObject({ "usr/bin/noise": hex(noise), postinst: hex("#!/bin/sh\n") });
  });

  test.skipIf(!have("rpmbuild")).each(["w9.gzdio", "w2.xzdio", "w3.zstdio", "w9.bzdio", "w6.lzdio", "w.ufdio"])(
    "rpmbuild with the payload %s",
    async (payload) => {
      const top = at(`rpm-${payload}`);
      mkdirSync(top);
      writeFileSync(join(top, "a.spec"), spec);
      const defines = [`_topdir ${top}`, `_binary_payload ${payload}`, "__spec_install_post %{nil}"];
      const args = [
        "-bb",
        ...defines.flatMap((define) => ["--define", define]),
        "--dbpath",
        join(top, "db"),
        join(top, "a.spec"),
      ];
      execFileSync("rpmbuild", args, { stdio: "ignore" });
      const file = join(top, "RPMS/noarch/hello-1-1.noarch.rpm");
      const dump = execFileSync("rpm", ["--dbpath", join(top, "db"), "-qp", "--dump", file]).toString();
      const want = dump
        .trim()
        .split("\n")
        .map((line) => line.split(" "));
      expect(digests(await archiveOnDisk(file, { signal }))).toEqual(
        Object.fromEntries(
          want
            .filter(([, , , , mode = ""]) => mode.startsWith("0100"))
            .map(([path = "", , , sha256]) => [path.slice(1), sha256]),
        ),
      );
    },
  );

  test.skipIf(!have("zstd"))("an rpm whose payload is packed with zstd", async () => {
    const pack = (input: Uint8Array): Buffer => execFileSync("zstd", ["-c", "-q"], { input });
    writeFileSync(at("a.rpm"), forgeRpm([{ path: "/a", data: "one" }], { compressor: "zstd", pack }));
    expect(digests(await archiveOnDisk(at("a.rpm"), { signal }))).toEqual({ a: hex("one") });
  });
});

const spec = `Name: hello
Version: 1
Release: 1
Summary: x
License: MIT
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/usr/bin
echo one > %{buildroot}/usr/bin/one
ln %{buildroot}/usr/bin/one %{buildroot}/usr/bin/two
ln -s one %{buildroot}/usr/bin/link
head -c 300000 /dev/zero > %{buildroot}/usr/bin/big
: > %{buildroot}/usr/bin/empty
%files
/usr/bin/*
`;
