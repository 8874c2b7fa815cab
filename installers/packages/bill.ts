import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { architecture } from "./product.ts";
import type { Build, Product } from "./product.ts";
import { run } from "./run.ts";

interface Lock {
  readonly packages: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/**
 * The bill of materials, CycloneDX, by our own `provost sbom`: of a folder that holds what went into the bundle as npm would have
 * installed it, with the integrity that the lockfile pins, and the executables as they are shipped.
 */
export function bill(product: Product, packages: readonly string[], root: string, build: Build): string {
  const top = join(import.meta.dirname, "../..");
  const folder = join(build.work, product.name, product.name);
  rmSync(folder, { recursive: true, force: true });
  const lock = JSON.parse(readFileSync(join(top, "package-lock.json"), "utf8")) as Lock;
  const wanted = [...packages, `node_modules/node-linux-${architecture.node}`];
  for (const path of wanted) copy(join(top, path, "package.json"), join(folder, path, "package.json"));
  const entries = wanted.flatMap((path) => {
    const entry = lock.packages[path];
    return entry === undefined ? [] : [[path, entry] as const];
  });
  const own = { name: product.name, version: build.version, license: "Apache-2.0" };
  write(join(folder, "package.json"), JSON.stringify(own));
  write(
    join(folder, "package-lock.json"),
    JSON.stringify({ ...own, lockfileVersion: 3, packages: { "": own, ...Object.fromEntries(entries) } }),
  );
  const home = join(root, "usr/lib", product.name);
  for (const program of ["node", ...(product.part === "agent" ? ["provost-sensor"] : [])])
    copy(join(home, program), join(folder, "usr/lib", product.name, program));
  const provost = join(top, "agent/provost.ts");
  return run(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    provost,
    "sbom",
    folder,
    "--timestamp",
    new Date(build.epoch * 1000).toISOString().replace(".000", ""),
  ]);
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
