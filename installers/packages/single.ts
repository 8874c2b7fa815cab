import { chmodSync, cpSync, lutimesSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { architecture } from "./product.ts";
import type { Build, Product } from "./product.ts";
import { run } from "./run.ts";
import { filesBelow, top } from "./stage.ts";

/** Where Node looks for what was put into its own executable; Node's documentation of single executables names it. */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/**
 * One file that is the whole program, as a Node single executable application: for a machine where nothing is to be installed. The
 * kernel sensor is not in it. Returns its path.
 */
export function makeSingle(product: Product, root: string, build: Build): string {
  const folder = join(build.work, product.name, "single");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  run(process.execPath, [join(top, "installers/packages/bundle.mjs"), product.part, folder, build.version, "sea"]);
  const home = join(root, "usr/lib", product.name);
  const console = join(home, "app/console");
  const assets = {
    "sqlite.node": join(home, `app/node_modules/better-sqlite3/prebuilds/linux-${architecture.node}.node`),
    ...(product.part === "server"
      ? Object.fromEntries(filesBelow(console).map((file) => [`console/${file}`, join(console, file)]))
      : {}),
  };
  const config = join(folder, "sea.json");
  const blob = join(folder, "sea.blob");
  // Below the folder: the blob keeps the name as it stands here, and two builds in two folders have to be the same.
  const settings = {
    main: `${product.part}.cjs`,
    output: "sea.blob",
    disableExperimentalSEAWarning: true,
    useCodeCache: false,
    assets,
  };
  writeFileSync(config, JSON.stringify(settings));
  run(process.execPath, ["--experimental-sea-config", config], { cwd: folder });
  const file = join(build.out, `${product.name}-${build.version}-linux-${architecture.node}`);
  // Stripped before it is filled: strip does not know the note that is added.
  cpSync(join(home, "node"), file);
  chmodSync(file, 0o755);
  run(process.execPath, [
    join(top, "node_modules/postject/dist/cli.js"),
    file,
    "NODE_SEA_BLOB",
    blob,
    "--sentinel-fuse",
    fuse,
  ]);
  lutimesSync(file, build.epoch, build.epoch);
  return file;
}
