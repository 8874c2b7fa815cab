import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { architecture } from "./product.ts";
import type { Build, Product } from "./product.ts";
import { run } from "./run.ts";
import { filesBelow, settle, top } from "./stage.ts";

/** A .deb of the staged tree, by dpkg-deb. Returns its path. */
export function makeDeb(product: Product, root: string, build: Build): string {
  const tree = join(build.work, product.name, "deb");
  rmSync(tree, { recursive: true, force: true });
  cpSync(root, tree, { recursive: true, preserveTimestamps: true });
  const control = join(tree, "DEBIAN");
  mkdirSync(control);
  const files = filesBelow(root);
  const kilobytes = Math.ceil(files.reduce((sum, file) => sum + statSync(join(root, file)).size, 0) / 1024);
  writeFileSync(
    join(control, "control"),
    `Package: ${product.name}
Version: ${build.version}
Architecture: ${architecture.deb}
Maintainer: Provost <maintainers@provost.invalid>
Installed-Size: ${kilobytes}
Depends: libc6 (>= 2.34)
Section: admin
Priority: optional
Description: ${product.summary}
${product.description.map((line) => ` ${line}\n`).join("")}`,
  );
  writeFileSync(
    join(control, "conffiles"),
    files
      .filter((file) => file.startsWith("etc/"))
      .map((file) => `/${file}\n`)
      .join(""),
  );
  const sums = files
    .filter((file) => !file.startsWith("etc/"))
    .map(
      (file) =>
        `${createHash("md5")
          .update(readFileSync(join(root, file)))
          .digest("hex")}  ${file}\n`,
    );
  writeFileSync(join(control, "md5sums"), sums.join(""));
  for (const script of ["preinst", "postinst", "prerm", "postrm"]) {
    const text = maintainerScript(product, script)?.replaceAll("@version@", build.version);
    if (text === undefined) continue;
    writeFileSync(join(control, script), text);
    chmodSync(join(control, script), 0o755);
  }
  settle(tree, build.epoch);
  const file = join(build.out, `${product.name}_${build.version}_${architecture.deb}.deb`);
  // Level 1: a third larger than 9 at an eighth of the time; every dpkg reads xz.
  run("dpkg-deb", ["--root-owner-group", "-Zxz", "-z1", "--threads-max=1", "--build", tree, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(build.epoch) },
  });
  return file;
}

/** The scripts are the same for deb and rpm where they can be: common functions, then what dpkg or rpm says about when. */
export function maintainerScript(product: Product, name: string): string | undefined {
  const folder = join(top, "installers/linux/deb");
  const own = readdirSync(folder).find((file) => file === `${product.name}.${name}`);
  if (own === undefined) return undefined;
  const common = join(top, "installers/linux/common.sh");
  const body = readFileSync(join(folder, own), "utf8");
  return existsSync(common) ? body.replace("# @common@\n", () => readFileSync(common, "utf8")) : body;
}
