import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A root of this machine's own Debian packages, with their database: what is in it is what a workstation has. */
export function makeQuietRoot(path: string, packages: readonly string[]): void {
  for (const folder of ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "tmp", "var/tmp", "var/lib/dpkg/info"])
    mkdirSync(join(path, folder), { recursive: true });
  for (const folder of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${folder}`, join(path, folder));
  const all = withDependencies(packages);
  const files = ask("dpkg-query", ["-L", ...all])
    .split("\n")
    .filter((line) => line.startsWith("/") && line !== "/." && !/^\/usr\/share\/(?:doc|man|locale|info)\//.test(line))
    .map((line) => line.replace(/^\/(bin|sbin|lib|lib64)\//, "/usr/$1/"))
    .filter((line) => existsSync(line));
  const packed = spawnSync("tar", ["-C", "/", "--no-recursion", "--hard-dereference", "-cf", "-", "-T", "-"], {
    input: [...new Set(files)].map((line) => `.${line}\n`).join(""),
    maxBuffer: 2 ** 31 - 1,
  });
  const unpacked = spawnSync("tar", ["-C", path, "--keep-directory-symlink", "-xf", "-"], { input: packed.stdout });
  if (unpacked.status !== 0) throw new Error(`the root cannot be made: ${String(unpacked.stderr)}`);
  // Programs that are reached by the alternatives system ("awk", "cc", "editor").
  cpSync("/etc/alternatives", join(path, "etc/alternatives"), { recursive: true, verbatimSymlinks: true });
  for (const name of ["awk", "cc", "c++", "which"])
    if (existsSync(`/usr/bin/${name}`) && !existsSync(join(path, "usr/bin", name)))
      cpSync(`/usr/bin/${name}`, join(path, "usr/bin", name), { verbatimSymlinks: true });
  // npm brings itself up to date beside its package.
  const npm = "/usr/lib/node_modules/npm";
  if (existsSync(npm)) cpSync(npm, join(path, npm), { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(path, "var/lib/dpkg/status"), `${ask("dpkg-query", ["-s", ...all])}\n`);
  for (const name of all) copyInfo(path, name);
  for (const folder of ["dpkg/updates", "dpkg/triggers", "apt/lists/partial"])
    mkdirSync(join(path, "var/lib", folder), { recursive: true });
  for (const folder of ["cache/apt/archives/partial", "log/apt"])
    mkdirSync(join(path, "var", folder), { recursive: true });
  writeFileSync(join(path, "etc/os-release"), "ID=debian\n");
  writeFileSync(
    join(path, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/bash\n_apt:x:42:65534::/nonexistent:/bin/false\n",
  );
  writeFileSync(join(path, "etc/group"), "root:x:0:\nadm:x:4:\n");
  writeFileSync(join(path, "etc/hosts"), "127.0.0.1 localhost\n");
  execFileSync("/sbin/ldconfig", ["-X", "-r", path]);
}

const ask = (program: string, words: readonly string[]): string =>
  execFileSync(program, words, { encoding: "utf8", maxBuffer: 256 << 20, stdio: ["ignore", "pipe", "ignore"] });

function copyInfo(path: string, name: string): void {
  for (const kind of ["list", "md5sums"]) {
    const file = ask("dpkg-query", ["--control-path", name, kind]).trim();
    if (file !== "") cpSync(file, join(path, file));
  }
  const list = [`/var/lib/dpkg/info/${name}.list`, `/var/lib/dpkg/info/${name}:amd64.list`].find((one) =>
    existsSync(one),
  );
  if (list !== undefined) cpSync(list, join(path, list));
}

/** Installed packages and what they depend on, as far as it is installed. */
function withDependencies(wanted: readonly string[]): readonly string[] {
  const rows = ask("dpkg-query", [
    "-W",
    "-f",
    "${Package}\t${db:Status-Abbrev}\t${Pre-Depends}, ${Depends}\t${Provides}\n",
  ])
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([, state]) => state?.startsWith("ii") === true);
  const names = (text: string | undefined): string[] =>
    (text ?? "").split(/[,|]/).flatMap((part) => /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(part)?.[1] ?? []);
  const needs = new Map(rows.map(([name = "", , depends]) => [name, names(depends)]));
  const provided = new Map(
    rows.flatMap(([name = "", , , provides]) => names(provides).map((one) => [one, name] as const)),
  );
  const found = new Set<string>();
  const queue = [...wanted];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const real = needs.has(name) ? name : provided.get(name);
    if (real === undefined || found.has(real)) continue;
    found.add(real);
    queue.push(...(needs.get(real) ?? []));
  }
  return [...found].toSorted();
}
