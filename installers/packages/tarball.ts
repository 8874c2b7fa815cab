import { cpSync, readFileSync, rmSync, writeFileSync, chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { architecture } from "./product.ts";
import type { Build, Product } from "./product.ts";
import { run } from "./run.ts";
import { settle, top } from "./stage.ts";

/** A .tar.gz of the staged tree with install.sh and uninstall.sh beside it, for machines without dpkg and rpm. Returns its path. */
export function makeTarball(product: Product, root: string, build: Build): string {
  const name = `${product.name}-${build.version}-linux-${architecture.node}`;
  const folder = join(build.work, product.name, "tar");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, name), { recursive: true });
  cpSync(root, join(folder, name, "root"), { recursive: true, preserveTimestamps: true });
  const common = readFileSync(join(top, "installers/linux/common.sh"), "utf8");
  for (const script of ["install.sh", "uninstall.sh"]) {
    const text = readFileSync(join(top, "installers/linux/tarball", script), "utf8");
    const path = join(folder, name, script);
    writeFileSync(
      path,
      text
        .replaceAll("@name@", product.name)
        .replace("# @common@\n", () => common)
        .replaceAll("@version@", build.version),
    );
    chmodSync(path, 0o755);
  }
  settle(folder, build.epoch);
  const file = join(build.out, `${name}.tar.gz`);
  const tar = ["--sort=name", `--mtime=@${build.epoch}`, "--owner=0", "--group=0", "--numeric-owner", "--format=ustar"];
  run("tar", [...tar, "--use-compress-program=gzip -n -6", "-cf", file, "-C", folder, name]);
  return file;
}
