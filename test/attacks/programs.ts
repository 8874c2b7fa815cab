import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const sources = join(import.meta.dirname, "programs");
const strict = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror"];
const bare = ["-nostdlib", "-static", "-fno-stack-protector", "-fno-builtin", "-Wl,--build-id=none"];

/** Where the compiled programs lie. What this machine could not build is absent. */
export interface Programs {
  readonly folder: string;
  readonly can32: boolean;
}

export const drivers = ["launch", "map", "memory", "rewrite", "swap", "mounts", "served", "stall", "reveal"] as const;

export const cannotBuild = (): string | undefined =>
  existsSync("/usr/bin/gcc") ? undefined : "a C compiler is missing: apt-get install -y gcc libc6-dev";

export function buildPrograms(folder: string): Programs {
  mkdirSync(folder, { recursive: true });
  for (const name of drivers) compile(folder, name, [...strict, `${name}.c`, "-lpthread", "-ldl"]);
  // It runs outside of the root too, where a virtual machine has no libraries.
  compile(folder, "enter", [...strict, "-static", "enter.c"]);
  compile(folder, "payload", [...strict, ...bare, "payload.c"]);
  compile(folder, "payload-dynamic", [...strict, "payload-dynamic.c"]);
  compile(folder, "library.so", [...strict, "-shared", "-fPIC", "library.c"]);
  compile(folder, "libgood.so", [...strict, "-shared", "-fPIC", "good-library.c"]);
  compile(folder, "good-user", [...strict, "good-user.c", `-L${folder}`, "-lgood"]);
  compile(folder, "code.elf", ["-nostdlib", "-static", "payload-code.S"]);
  execFileSync("objcopy", ["-O", "binary", "-j", ".text", join(folder, "code.elf"), join(folder, "code")]);
  return { folder, can32: build32(folder) };
}

const compile = (folder: string, name: string, args: readonly string[]): void =>
  void execFileSync("gcc", ["-o", join(folder, name), ...args], {
    cwd: sources,
    stdio: ["ignore", "ignore", "inherit"],
  });

function build32(folder: string): boolean {
  if (process.arch !== "x64") return false;
  compile(folder, "payload-32", ["-m32", "-nostdlib", "-static", "payload-32.S"]);
  return true;
}
