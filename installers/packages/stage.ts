import {
  chmodSync,
  cpSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { bill } from "./bill.ts";
import { notices } from "./notices.ts";
import { architecture } from "./product.ts";
import type { Build, Product } from "./product.ts";
import { run } from "./run.ts";

export const top = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The files of one product as they lie on a device, below a folder that stands for "/". All packages of the product carry this tree
 * and nothing else.
 */
export function stage(product: Product, build: Build): string {
  const root = join(build.work, product.name, "root");
  rmSync(root, { recursive: true, force: true });
  const home = join(root, "usr/lib", product.name);
  const app = join(home, "app");
  mkdirSync(app, { recursive: true });
  const said = run(process.execPath, [join(top, "installers/packages/bundle.mjs"), product.part, app, build.version]);
  const { packages } = JSON.parse(said) as { packages: readonly string[] };
  put(join(app, "package.json"), '{ "type": "module" }\n');
  nativeParts(app);
  privateNode(home);
  if (product.part === "agent") {
    sensor(home);
  } else
    cpSync(join(top, "server/console/dist"), join(app, "console"), {
      recursive: true,
      filter: (path) => !path.endsWith(".built-from"),
    });
  manuals(product, app, root);
  put(join(root, "usr/bin", product.name), launcher(product), 0o755);
  put(join(home, "start"), startScript(product), 0o755);
  put(join(home, "version"), `${build.version}\n`);
  const linux = join(top, "installers/linux");
  for (const unit of readdirSync(join(linux, "systemd")).filter((file) => belongs(file, product)))
    put(join(root, "usr/lib/systemd/system", unit), readFileSync(join(linux, "systemd", unit)));
  const sample = join(linux, "etc", `${product.part}.conf`);
  put(join(root, "etc/provost", `${product.part}.conf`), readFileSync(sample), 0o640);
  const documents = join(root, "usr/share/doc", product.name);
  put(join(documents, "copyright"), notices(packages, top));
  put(join(documents, "sbom.cdx.json"), bill(product, packages, root, build));
  checksums(home, root);
  settle(root, build.epoch);
  return root;
}

/** Only this machine's native part of the one library that has some. */
function nativeParts(app: string): void {
  const from = join(top, "node_modules/better-sqlite3");
  const to = join(app, "node_modules/better-sqlite3");
  cpSync(join(from, "lib"), join(to, "lib"), { recursive: true });
  const native = `prebuilds/linux-${architecture.node}.node`;
  put(join(to, native), readFileSync(join(from, native)), 0o755);
  for (const file of ["package.json", "LICENSE"]) put(join(to, file), readFileSync(join(from, file)));
}

function privateNode(home: string): void {
  const node = join(home, "node");
  put(node, readFileSync(join(top, `node_modules/node-linux-${architecture.node}/bin/node`)), 0o755);
  // Its symbols are a seventh of it, and nobody debugs it on a device.
  run("strip", ["--strip-all", node]);
}

function sensor(home: string): void {
  const built = join(top, "dist/sensor/provost-sensor");
  if (!existsSync(built))
    throw new Error(
      "provost-sensor is not built: `npm run build` says what it lacks (clang, bpftool, libbpf-dev, libelf-dev, zlib1g-dev)",
    );
  put(join(home, "provost-sensor"), readFileSync(built), 0o755);
  run("strip", ["--strip-debug", join(home, "provost-sensor")]);
}

/** The command line says itself what it understands: the manual page, and what shells offer. */
function manuals({ name, part }: Product, app: string, root: string): void {
  const program = join(app, part === "agent" ? "provost.js" : "main.js");
  const says = (...words: readonly string[]): string => run(process.execPath, [program, ...words]);
  const share = join(root, "usr/share");
  put(join(share, "bash-completion/completions", name), says("completion", "bash"));
  put(join(share, "zsh/vendor-completions", `_${name}`), says("completion", "zsh"));
  put(join(share, "fish/vendor_completions.d", `${name}.fish`), says("completion", "fish"));
  put(join(share, "man/man1", `${name}.1.gz`), gzipSync(says("manual"), { level: 9 }));
}

const launcher = ({ name, part }: Product): string => `#!/bin/sh
exec /usr/lib/${name}/node --disable-warning=ExperimentalWarning /usr/lib/${name}/app/${part === "agent" ? "provost" : "main"}.js "$@"
`;

/** The daemon mostly waits, so V8's compilers and helper threads would only hold memory; the server works. As installers/source/start.ts. */
const flags = {
  agent:
    "--disable-warning=ExperimentalWarning --lite-mode --max-semi-space-size=1 --single-threaded --v8-pool-size=1 --disable-sigusr1 --expose-gc",
  server: "--disable-warning=ExperimentalWarning --disable-sigusr1",
} as const;

const startScript = ({ name, part }: Product): string =>
  readFileSync(join(top, "installers/linux/start.sh"), "utf8")
    .replaceAll("@name@", name)
    .replaceAll("@flags@", flags[part])
    .replaceAll("@database@", part === "agent" ? "agent.sqlite" : "server.sqlite");

const belongs = (unit: string, { part }: Product): boolean => (part === "server") === unit.startsWith("provost-server");

/** What the postinst compares before it enables anything, and anyone may compare later: sha256sum -c. */
function checksums(home: string, root: string): void {
  const lines = filesBelow(root)
    .filter((file) => !file.startsWith("etc/"))
    .map(
      (file) =>
        `${createHash("sha256")
          .update(readFileSync(join(root, file)))
          .digest("hex")}  /${file}\n`,
    );
  put(join(home, "checksums"), lines.join(""));
}

export function filesBelow(root: string, below = ""): string[] {
  return readdirSync(join(root, below), { withFileTypes: true })
    .flatMap((entry) => {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(root, path) : [path];
    })
    .sort();
}

function put(path: string, content: string | Buffer, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
}

/** Settings may hold secrets; programs are those that were made executable. */
function modeOf(path: string): number {
  if (path.includes("/etc/provost/")) return 0o640;
  return (statSync(path).mode & 0o100) === 0 ? 0o644 : 0o755;
}

/** Modes and times that do not depend on who builds, or when. */
export function settle(folder: string, epoch: number): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) settle(path, epoch);
    else {
      chmodSync(path, modeOf(path));
      lutimesSync(path, epoch, epoch);
    }
  }
  chmodSync(folder, 0o755);
  lutimesSync(folder, epoch, epoch);
}
