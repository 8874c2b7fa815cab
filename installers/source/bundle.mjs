// Bundles the agent and the server into dist/: JavaScript loads in a fraction of the time and memory that stripping types costs.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { englishOnly, requireBanner, tlsWhenUsed, withoutCollator } from "./bundle-plugins.mjs";
import { agentPrograms, serverPrograms } from "./programs.mjs";

const top = fileURLToPath(new URL("../..", import.meta.url));

const common = {
  absWorkingDir: top,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node24",
  // The text of a program stays in memory as long as it runs. Names stay as they are, for whoever reads a stack trace.
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [englishOnly, withoutCollator, tlsWhenUsed(top)],
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
  banner: { js: requireBanner },
  logLevel: "warning",
};

// Parts are named by what is in them: those of the last build would stay.
rmSync(join(top, "dist/agent"), { recursive: true, force: true });
await build({
  ...common,
  entryPoints: agentPrograms,
  outdir: "dist/agent",
  // What the daemon loads only where there is a sensor, or a policy, is not in memory where there is none.
  splitting: true,
  chunkNames: "part-[hash]",
});
await build({ ...common, entryPoints: serverPrograms, outdir: "dist/server" });
