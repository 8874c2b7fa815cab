import { createHash } from "node:crypto";
import { createReadStream, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** An agent package that this server offers. */
export interface OfferedPackage {
  readonly file: string;
  readonly kind: "deb" | "rpm" | "tar";
  /** As `uname -m` says it. */
  readonly machine: "x86_64" | "aarch64";
  readonly version: string;
  readonly sha256: string;
  readonly bytes: number;
}

const names: readonly (readonly [OfferedPackage["kind"], RegExp])[] = [
  ["deb", /^provost_(\d+\.\d+\.\d+)_(amd64|arm64)\.deb$/],
  ["rpm", /^provost-(\d+\.\d+\.\d+)-1\.(x86_64|aarch64)\.rpm$/],
  ["tar", /^provost-(\d+\.\d+\.\d+)-linux-(x64|arm64)\.tar\.gz$/],
];

/**
 * The newest agent package of each kind and machine in a folder, as `npm run dist` leaves them. Digests are taken when somebody asks
 * and kept as long as size and change time stay.
 */
export function openPackages(folder: string | undefined) {
  const known = new Map<string, { readonly stamp: string; readonly sha256: string }>();
  const digestOf = async (file: string, path: string): Promise<{ readonly sha256: string; readonly bytes: number }> => {
    const { size, ctimeMs } = statSync(path);
    const stamp = `${size} ${ctimeMs}`;
    const before = known.get(file);
    if (before?.stamp === stamp) return { sha256: before.sha256, bytes: size };
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    const sha256 = hash.digest("hex");
    known.set(file, { stamp, sha256 });
    return { sha256, bytes: size };
  };
  return {
    async offered(): Promise<readonly OfferedPackage[]> {
      if (folder === undefined) return [];
      const newest = new Map<string, Omit<OfferedPackage, "sha256" | "bytes">>();
      for (const file of readdirSync(folder)) {
        const read = nameOf(file);
        if (read === undefined) continue;
        const key = `${read.kind} ${read.machine}`;
        const before = newest.get(key);
        if (before === undefined || isNewer(read.version, before.version)) newest.set(key, { file, ...read });
      }
      return Promise.all(
        [...newest.values()].map(async (one) => ({ ...one, ...(await digestOf(one.file, join(folder, one.file))) })),
      );
    },
    /** The file's place, for a name that is a package or a document beside one. */
    place(file: string): string | undefined {
      const bare = file.replace(/\.(?:sbom\.)?sigstore\.json$|\.cdx\.json$/, "");
      return folder === undefined || nameOf(bare) === undefined ? undefined : join(folder, file);
    },
  };
}

export type Packages = ReturnType<typeof openPackages>;

function nameOf(file: string): Pick<OfferedPackage, "kind" | "machine" | "version"> | undefined {
  for (const [kind, pattern] of names) {
    const [, version, word] = pattern.exec(file) ?? [];
    if (version !== undefined && word !== undefined)
      return { kind, version, machine: ["amd64", "x86_64", "x64"].includes(word) ? "x86_64" : "aarch64" };
  }
  return undefined;
}

function isNewer(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number)) as [number[], number[]];
  const at = left.findIndex((part, index) => part !== right[index]);
  return at >= 0 && (left[at] ?? 0) > (right[at] ?? 0);
}
