import { generateKeyPairSync } from "node:crypto";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Build } from "./product.ts";
import { run } from "./run.ts";
import { top } from "./stage.ts";

export interface Signing {
  /** A private key as `provost attest --key` takes it: a PEM file or the address of a key elsewhere. */
  readonly key: string;
  readonly builderId: string;
}

/** The key of the owner, or one made for this build alone, whose public half lies beside the packages. */
export function signingKey(given: string | undefined, build: Build): string {
  if (given !== undefined) return given;
  const file = join(build.work, "build-key.pem");
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  }
  return file;
}

/** SLSA provenance and the bill of materials of each artefact, signed, beside it: by the same `provost attest` that others use. */
export function attestAll(
  artefacts: readonly string[],
  bills: ReadonlyMap<string, string>,
  signing: Signing,
  build: Build,
): string[] {
  const made: string[] = [];
  for (const artefact of artefacts) {
    const sbom = `${artefact}.cdx.json`;
    cpSync(bills.get(artefact) ?? "", sbom);
    const said = provost([
      "attest",
      artefact,
      "--key",
      signing.key,
      "--builder-id",
      signing.builderId,
      "--sbom",
      sbom,
      "--output",
      build.out,
      "--json",
    ]);
    for (const line of said.trim().split("\n")) made.push((JSON.parse(line) as { bundle: string }).bundle);
  }
  return made;
}

export const provost = (args: readonly string[]): string =>
  run(process.execPath, ["--disable-warning=ExperimentalWarning", join(top, "agent/provost.ts"), ...args]);

/** "sha256sum -c" for who has nothing of ours yet. */
export function sums(files: readonly string[], digest: (data: Buffer) => string, build: Build): void {
  const lines = files.map((file) => `${digest(readFileSync(file))}  ${basename(file)}\n`).sort();
  writeFileSync(join(build.out, "SHA256SUMS"), lines.join(""));
}
