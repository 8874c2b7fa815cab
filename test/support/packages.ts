import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readdirSync } from "node:fs";
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
