import { matches, type NameRule } from "@provost/shared/provenance/name-rule.ts";

/** Programs that make programs on a device, by what they are called. That they are what they are called is checked elsewhere. */
export interface Maker {
  readonly kind: "compiler" | "manager";
  readonly name: string;
  /** The script that makes the interpreter a package manager; it has to be verified as well. */
  readonly script?: string;
}

export interface MoreMakers {
  readonly compilers: readonly NameRule[];
  readonly managers: readonly NameRule[];
}

const compilers = [
  [
    "gcc",
    "g\\+\\+",
    "c\\+\\+",
    "cc",
    "cpp",
    "cc1",
    "cc1plus",
    "cc1obj",
    "lto1",
    "lto-wrapper",
    "collect2",
    "gfortran",
    "f951",
  ],
  ["as", "ld", "ld\\.bfd", "ld\\.gold", "ld\\.lld", "lld", "mold", "ar", "ranlib", "strip", "objcopy", "dwz"],
  ["clang", "clang\\+\\+", "llc", "llvm-ar", "llvm-strip", "llvm-objcopy", "tcc"],
  [
    "rustc",
    "cargo",
    "go",
    "gccgo",
    "go1",
    "gnat1",
    "gdc",
    "ghc",
    "ocamlopt",
    "ocamlfind",
    "fpc",
    "zig",
    "ldc2",
    "dmd",
    "swiftc",
  ],
].flat();
const goTools = ["compile", "link", "asm", "cgo", "buildid"];
const managers = [
  "dpkg",
  "dpkg-deb",
  "apt",
  "apt-get",
  "aptitude",
  "rpm",
  "microdnf",
  "pacman",
  "apk",
  "snapd",
  "flatpak",
  "rustup",
];
const interpreters = /^(?:node|nodejs|python3?(?:\.\d+)?|pypy3?)$/;
const scripts = new Set(
  [
    ["npm", "npx", "npm-cli.js", "npx-cli.js", "yarn", "yarn.js", "pnpm", "pnpm.cjs", "corepack"],
    ["pip", "pip3", "dnf", "dnf-3", "yum", "pipx", "poetry", "uv"],
  ].flat(),
);

/** "x86_64-linux-gnu-gcc-12" is gcc: a target in front and a version behind say which one. */
const called = (names: readonly string[]): RegExp =>
  new RegExp(`^(?:[a-z0-9_]+-(?:[a-z0-9_]+-){1,3})?(${names.join("|")})(?:-\\d+(?:\\.\\d+)*)?$`);
const compilerName = called(compilers);
const managerName = called(managers);

/**
 * What this program makes, if it makes programs. `words`: its arguments as Latin-1, NUL between them. An interpreter counts only
 * with a package manager's script as its first argument: options before it could load anything, and a module by name (`-m pip`)
 * may come from the folder the process stands in.
 */
export function makerOf(program: string, words: string, more: MoreMakers): Maker | undefined {
  const name = program.slice(program.lastIndexOf("/") + 1);
  if (more.compilers.some((rule) => matches(rule, program))) return { kind: "compiler", name };
  if (more.managers.some((rule) => matches(rule, program))) return { kind: "manager", name };
  if (compilerName.test(name)) return { kind: "compiler", name };
  if (goTools.includes(name) && /\/go[^/]*\/(?:.*\/)?pkg\/tool\//.test(program)) return { kind: "compiler", name };
  if (managerName.test(name)) return { kind: "manager", name };
  if (!interpreters.test(name)) return undefined;
  const script = words.split("\0")[1] ?? "";
  const scriptName = script.slice(script.lastIndexOf("/") + 1).replace(/^(pip3)\.\d+$/, "$1");
  if (!script.startsWith("/") || !scripts.has(scriptName)) return undefined;
  return { kind: "manager", name: scriptName, script };
}
