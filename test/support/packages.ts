import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const top = fileURLToPath(new URL("../..", import.meta.url));

/** Why no agent's package can be built here; undefined where it can. */
export const sensorMissing = (): string | undefined =>
  existsSync(join(top, "dist/sensor/provost-sensor"))
    ? undefined
    : "provost-sensor is not built: npm run build says what is missing";

/** Built here, or taken from $PROVOST_TEST_PACKAGES/VERSION, where somebody built them just now. */
export function buildPackages(version: string, out: string, more: readonly string[]): void {
  const built = process.env["PROVOST_TEST_PACKAGES"];
  if (built !== undefined) return cpSync(join(built, version), out, { recursive: true });
  const program = join(top, "installers/packages/dist.ts");
  execFileSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", program, "--out", out, "--version", version, "--no-attest", ...more],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
}

/** The one package in a folder that has such a name. */
export function fileOf(folder: string, name: RegExp): string {
  const file = readdirSync(folder).find((one) => name.test(one));
  if (file === undefined) throw new Error(`${folder} holds no ${String(name)}`);
  return join(folder, file);
}

/**
 * The same package with other bytes in the programs it starts, and with checksums that agree: what a newer Node, sensor and start
 * script are to a gate that knows the old ones.
 */
export function withOtherPrograms(deb: string, out: string): void {
  const folder = `${out}.unpacked`;
  execFileSync("dpkg-deb", ["-R", deb, folder]);
  const home = "usr/lib/provost";
  const changed = ["provost-sensor", "node", "start"].map((name) => `${home}/${name}`);
  for (const path of changed) appendFileSync(join(folder, path), "\n# another version\n");
  const replaceSums = (list: string, algorithm: string, paths: readonly string[], slash: string): void => {
    const lines = readFileSync(join(folder, list), "utf8").split("\n");
    const sumOf = (path: string): string =>
      createHash(algorithm)
        .update(readFileSync(join(folder, path)))
        .digest("hex");
    const fresh = lines.map((line) => {
      const path = paths.find((one) => line.endsWith(`  ${slash}${one}`));
      return path === undefined ? line : `${sumOf(path)}  ${slash}${path}`;
    });
    writeFileSync(join(folder, list), fresh.join("\n"));
  };
  replaceSums(`${home}/checksums`, "sha256", changed, "/");
  replaceSums("DEBIAN/md5sums", "md5", [...changed, `${home}/checksums`], "");
  execFileSync("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z1", "--build", folder, out], { stdio: "ignore" });
  rmSync(folder, { recursive: true, force: true });
}
