import { createHash } from "node:crypto";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, globSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { vectorsRoot } from "../../test/conformance/vectors.ts";
import { archiveOnDisk } from "./archive-contents.ts";

// Published archives, unpacked by the system's own tools: both have to see the same files with the same bytes.
const signal = new AbortController().signal;
const small = (path: string): boolean => statSync(path).isFile() && statSync(path).size < 1_000_000;
const found = (folder: string, patterns: readonly string[], most: number): readonly string[] =>
  existsSync(folder)
    ? patterns.flatMap((pattern) =>
        globSync(pattern, { cwd: folder })
          .toSorted()
          .map((name) => join(folder, name))
          .filter(small)
          .slice(0, most),
      )
    : [];
const published = found(vectorsRoot, ["provenance/**/*.tgz", "provenance/**/*.tar.gz", "provenance/**/*.whl"], 20);
const cached = found("/var/cache/apt/archives", ["*.deb"], 6);
const java = found("/usr/share/java", ["*.jar"], 4);

const unpack: Readonly<Record<string, (archive: string, into: string) => readonly [string, readonly string[]]>> = {
  tgz: (archive, into) => ["tar", ["-xzf", archive, "-C", into]],
  gz: (archive, into) => ["tar", ["-xzf", archive, "-C", into]],
  whl: (archive, into) => ["python3", ["-m", "zipfile", "-e", archive, into]],
  jar: (archive, into) => ["python3", ["-m", "zipfile", "-e", archive, into]],
  deb: (archive, into) => ["dpkg-deb", ["-x", archive, into]],
};

describe.each([
  ["published with provenance", published],
  ["in apt's cache", cached],
  ["of Java", java],
])("archives %s", (_, archives) => {
  test.skipIf(archives.length === 0)(
    `${archives.length} of them hold what their own tools unpack`,
    async () => {
      const checked: string[] = [];
      for (const archive of archives) {
        const [program, args] = unpack[archive.split(".").at(-1) ?? ""]?.(archive, folderFor()) ?? ["false", []];
        if (spawnSync(program, ["--version"], { stdio: "ignore" }).error !== undefined) continue;
        execFileSync(program, args, { stdio: "ignore" });
        const into = args.at(-1) ?? "";
        const reading = await archiveOnDisk(archive, { signal });
        const inside = reading.ok ? reading.contents.entries : [];
        const files = inside.flatMap((entry) =>
          "sha256" in entry && entry.part !== "control" ? [[entry.path, entry.sha256] as const] : [],
        );
        expect([basename(archive), reading.ok ? "" : reading.why]).toEqual([basename(archive), ""]);
        expect(Object.fromEntries(files)).toEqual(unpacked(into));
        expect(reading).toMatchObject({ contents: { sha256: hex(readFileSync(archive)) } });
        checked.push(archive);
        rmSync(into, { recursive: true });
      }
      expect(checked.length).toBeGreaterThan(0);
    },
    60_000,
  );
});

function folderFor(): string {
  const folder = mkdtempSync(join(tmpdir(), "provost-published-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const hex = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const unpacked = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => lstatSync(join(folder, name)).isFile())
      .map((name) => [name, hex(readFileSync(join(folder, name)))]),
  );
