// Bundles the agent and the server into dist/: JavaScript loads in a fraction of the time and memory that stripping types costs.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const top = fileURLToPath(new URL("../..", import.meta.url));

await build({
  absWorkingDir: top,
  entryPoints: {
    "agent/main": "agent/main.ts",
    "agent/scan": "agent/inventory/scan.ts",
    "server/main": "server/main.ts",
  },
  outdir: "dist",
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node24",
  // The text of a program stays in memory as long as it runs. Names stay as they are, for whoever reads a stack trace.
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [
    { name: "english-only", setup: leaveOutLocales },
    { name: "tls-when-used", setup: loadTlsWhenUsed },
  ],
  legalComments: "none",
  // These keep files beside their code, or are loaded only now and then.
  external: [
    "better-sqlite3",
    "systeminformation",
    "openpgp",
    "ajv",
    "ajv-formats",
    "sigstore",
    "@sigstore/*",
    "fastify",
    "pino",
    "node-cron",
  ],
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  logLevel: "warning",
});

/** zod brings its messages in 50 languages; ours are read in English. */
function leaveOutLocales(build) {
  build.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
    contents: 'export { default as en } from "./en.js";',
    loader: "js",
  }));
}

/** `ws` asks for TLS at start, also where every address is ws://: 5 MB that a device need not hold until it does. */
function loadTlsWhenUsed(build) {
  build.onResolve({ filter: /^(?:https|tls)$/ }, ({ path, importer }) =>
    /\/node_modules\/ws\/lib\//.test(importer) ? { path, namespace: "when-used" } : undefined,
  );
  build.onLoad({ filter: /./, namespace: "when-used" }, ({ path }) => ({
    contents: ["connect", "request"]
      .map((name) => `exports.${name} = (...args) => require("node:${path}").${name}(...args);`)
      .join("\n"),
    loader: "js",
    resolveDir: top,
  }));
}
