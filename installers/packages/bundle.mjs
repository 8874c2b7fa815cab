// The programs as packages carry them: everything in, except the one library with a native part. Called by dist.ts.
//   node bundle.mjs agent|server OUT VERSION      an ES module per program, parts that are rarely needed beside them
//   node bundle.mjs agent|server OUT VERSION sea  one CommonJS file for a single executable
// Prints one JSON document: which npm packages stand in it.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { englishOnly, requireBanner, tlsWhenUsed, withoutCollator } from "../source/bundle-plugins.mjs";
import { agentPrograms, serverPrograms } from "../source/programs.mjs";

const top = fileURLToPath(new URL("../..", import.meta.url));
const [part, outdir, version, shape] = process.argv.slice(2);
const programs = {
  agent: { ...agentPrograms, provost: "agent/provost.ts" },
  server: serverPrograms,
};

/** The version of this build: the source's own, or the one that was asked for. */
const versioned = {
  name: "versioned",
  setup(builder) {
    builder.onLoad({ filter: /\/shared\/protocol\/version\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      return {
        contents: text.replace(/productVersion = "[^"]*"/, `productVersion = ${JSON.stringify(version)}`),
        loader: "ts",
      };
    });
  },
};

/** In a single executable the native part is an asset: written to a folder of its own, opened, and removed again. */
const nativeAsset = {
  name: "native-asset",
  setup(builder) {
    builder.onLoad({ filter: /\/better-sqlite3\/lib\/binding\.js$/ }, () => ({
      contents: `
        const { getRawAsset } = require("node:sea");
        const { mkdtempSync, rmSync, writeFileSync } = require("node:fs");
        const { join } = require("node:path");
        let addon;
        exports.getBinding = () => {
          if (addon !== undefined) return addon;
          const folder = mkdtempSync(join(require("node:os").tmpdir(), "provost-"));
          try {
            const file = join(folder, "sqlite.node");
            writeFileSync(file, Buffer.from(getRawAsset("sqlite.node")), { mode: 0o700 });
            const holder = { exports: {} };
            process.dlopen(holder, file);
            addon = holder.exports;
          } finally {
            rmSync(folder, { recursive: true, force: true });
          }
          return addon;
        };`,
      loader: "js",
    }));
  },
};

/**
 * `import("a-commonjs-package")` gives Node's callers its exports by name. A chunk of esbuild's has none but `default`, so those
 * packages get a small module between, with the names that the package has today.
 */
const namedExports = {
  name: "named-exports",
  setup(builder) {
    const load = createRequire(join(top, part, "package.json"));
    builder.onResolve({ filter: /^[^.]/ }, ({ path, kind, resolveDir, namespace }) => {
      if (kind !== "dynamic-import" || namespace === "named" || !resolveDir.startsWith(top)) return undefined;
      if (resolveDir.includes("/node_modules/") || /^(?:node:|@provost\/)/.test(path)) return undefined;
      return isCommonJs(load, path) ? { path, namespace: "named", pluginData: resolveDir } : undefined;
    });
    builder.onLoad({ filter: /./, namespace: "named" }, ({ path, pluginData }) => {
      load("reflect-metadata");
      const names = Object.keys(load(path)).filter(
        (name) => /^[A-Za-z_$][\w$]*$/.test(name) && !["default", "__esModule"].includes(name),
      );
      const list = names.join(", ");
      return {
        contents: `import whole from ${JSON.stringify(path)};\nexport default whole;\nconst { ${list} } = whole;\nexport { ${list} };\n`,
        loader: "js",
        resolveDir: pluginData,
      };
    });
  },
};

function isCommonJs(load, path) {
  const folder = load.resolve
    .paths(path)
    .map((place) => join(place, path))
    .find((place) => existsSync(join(place, "package.json")));
  if (folder === undefined) return false;
  const { type, exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return type !== "module" && !JSON.stringify(exports ?? "").includes('"import"');
}

const common = {
  absWorkingDir: top,
  bundle: true,
  platform: "node",
  target: "node24",
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [versioned, namedExports, englishOnly, withoutCollator, tlsWhenUsed(top)],
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
};
const { metafile } = await build(
  shape === "sea"
    ? {
        ...common,
        plugins: [...common.plugins, nativeAsset],
        entryPoints: { [part]: `${part}/single.ts` },
        outdir,
        outExtension: { ".js": ".cjs" },
        format: "cjs",
        // A single executable has no folder of its own: what asks for its place gets the executable's.
        define: { "import.meta.url": "__place", "import.meta.filename": "__entry", "import.meta.dirname": "__folder" },
        banner: {
          js: 'const __entry = process.execPath; const __place = require("node:url").pathToFileURL(__entry).href; const __folder = require("node:path").dirname(__entry);',
        },
      }
    : {
        ...common,
        entryPoints: programs[part],
        outdir,
        splitting: true,
        format: "esm",
        external: ["better-sqlite3"],
        banner: {
          js: `${requireBanner} const __filename = import.meta.filename; const __dirname = import.meta.dirname;`,
        },
      },
);
const packages = new Set(["node_modules/better-sqlite3"]);
for (const input of Object.keys(metafile.inputs)) {
  const [, name] = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(input) ?? [];
  if (name !== undefined)
    packages.add(input.slice(0, input.lastIndexOf(`node_modules/${name}/`)) + `node_modules/${name}`);
}
process.stdout.write(`${JSON.stringify({ packages: [...packages].sort() })}\n`);
