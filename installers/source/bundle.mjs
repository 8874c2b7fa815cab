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
  minifySyntax: true,
  legalComments: "none",
  // These keep files beside their code, or are loaded only now and then.
  external: [
    "better-sqlite3",
    "chokidar",
    "systeminformation",
    "openpgp",
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
