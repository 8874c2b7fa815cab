import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { architecture } from "./product.ts";
import type { Build, Product } from "./product.ts";
import { run } from "./run.ts";
import { filesBelow, top } from "./stage.ts";

/** An .rpm of the staged tree, by rpmbuild. Returns its path. */
export function makeRpm(product: Product, root: string, build: Build): string {
  const folder = join(build.work, product.name, "rpm");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "made"), { recursive: true });
  const spec = join(folder, `${product.name}.spec`);
  writeFileSync(spec, specOf(product, root, build));
  run(
    "rpmbuild",
    [
      "-bb",
      "--define",
      `_topdir ${folder}`,
      "--define",
      `_rpmdir ${join(folder, "made")}`,
      "--buildroot",
      join(folder, "tree"),
      spec,
    ],
    {
      env: { ...process.env, SOURCE_DATE_EPOCH: String(build.epoch), LC_ALL: "C" },
    },
  );
  const made = readdirSync(join(folder, "made", architecture.rpm)).find((file) => file.endsWith(".rpm"));
  if (made === undefined) throw new Error("rpmbuild ended well and left no .rpm");
  const file = join(build.out, made);
  cpSync(join(folder, "made", architecture.rpm, made), file);
  return file;
}

const specOf = (product: Product, root: string, build: Build): string => `
%global _build_id_links none
%global debug_package %{nil}
%global __os_install_post %{nil}
%global __brp_mangle_shebangs %{nil}
%global _binary_payload w1.xzdio
%global _buildhost provost
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
Name: ${product.name}
Version: ${build.version.replaceAll("-", "~")}
Release: 1
Summary: ${product.summary}
License: Apache-2.0
AutoReqProv: no
Requires: libc.so.6(GLIBC_2.34)(64bit)
%description
${product.description.join("\n")}
%install
rm -rf %{buildroot}
mkdir -p %{buildroot}
cp -a ${root}/. %{buildroot}/
${["pre", "post", "preun", "postun"].map((name) => scriptlet(product, name, build.version)).join("")}
%files
%defattr(-,root,root,-)
${filesBelow(root)
  .map((file) => `${file.startsWith("etc/") ? "%config(noreplace) %attr(0640,root,root) " : ""}/${file}`)
  .join("\n")}
${ownFolders(product, root)
  .map((folder) => `%dir /${folder}`)
  .join("\n")}
`;

/** rpm removes a folder only where a package owns it; several may. Shells that are not installed have no folders of their own. */
function ownFolders({ name }: Product, root: string): readonly string[] {
  const ours = [`usr/lib/${name}`, `usr/share/doc/${name}`, "usr/share/fish", "usr/share/zsh"];
  const folders = new Set<string>();
  for (const file of filesBelow(root))
    for (let at = dirname(file); ours.some((one) => at.startsWith(one)); at = dirname(at)) folders.add(at);
  return [...folders].sort();
}

function scriptlet(product: Product, name: string, version: string): string {
  const folder = join(top, "installers/linux/rpm");
  const file = readdirSync(folder).find((one) => one === `${product.name}.${name}`);
  if (file === undefined) return "";
  const common = readFileSync(join(top, "installers/linux/common.sh"), "utf8");
  // A per cent sign is rpm's own.
  return `%${name}\n${readFileSync(join(folder, file), "utf8")
    .replace("# @common@\n", () => common)
    .replaceAll("%", "%%")
    .replaceAll("@version@", version)}\n`;
}
