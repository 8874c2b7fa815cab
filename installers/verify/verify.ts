/** `npm run dist:verify [-- FOLDER] [--key PUBLIC]`: our own packages, checked by our own verifier as anybody would check them. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const top = fileURLToPath(new URL("../..", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { key: { type: "string" }, json: { type: "boolean", default: false } },
});
const folder = resolve(positionals[0] ?? join(top, "dist/packages"));
const key = values.key ?? join(folder, "build-key.pub.pem");
if (!existsSync(folder)) fail(`${folder} is not there: \`npm run dist\` makes it`);
if (!existsSync(key)) fail(`no public key: --key FILE, or build-key.pub.pem beside the packages`);

const suffix = ".sigstore.json";
const files = readdirSync(folder);
const bundles = files.filter((file) => file.endsWith(suffix));
const artefacts = files.filter((file) => bundles.includes(`${file}${suffix}`));
if (artefacts.length === 0) fail(`${folder} holds no artefact with a bundle beside it`);
const results = artefacts.flatMap((artefact) =>
  bundles
    .filter((bundle) => ownerOf(bundle) === artefact)
    .map((bundle) => ({ artefact, bundle, ...check(artefact, bundle) })),
);
// A file that nobody vouches for must not pass for one that was checked.
const unsigned = files.filter((file) => /\.(?:deb|rpm|gz)$/.test(file) && !artefacts.includes(file));
const bad = results.filter(({ holds }) => !holds);
if (values.json) process.stdout.write(`${JSON.stringify({ results, unsigned })}\n`);
else {
  for (const { artefact, bundle, holds, why } of results)
    process.stdout.write(
      `${holds ? "holds " : "FAILS "} ${artefact}  ${bundle.slice(artefact.length + 1)}${holds ? "" : `  ${why}`}\n`,
    );
  for (const file of unsigned) process.stdout.write(`NOBODY signed ${file}\n`);
}
process.exitCode = bad.length === 0 && unsigned.length === 0 ? 0 : 1;

/** The names of two artefacts may begin alike ("provost-1-linux-x64", and the same with ".tar.gz"): the longer one is meant. */
function ownerOf(bundle: string): string | undefined {
  return artefacts
    .filter((artefact) => bundle.startsWith(`${artefact}.`))
    .toSorted((a, b) => b.length - a.length)
    .at(0);
}

function check(artefact: string, bundle: string): { readonly holds: boolean; readonly why: string } {
  const asked = ["verify", join(folder, artefact), "--bundle", join(folder, bundle), "--key", key, "--json"];
  const done = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", join(top, "agent/provost.ts"), ...asked],
    { encoding: "utf8" },
  );
  return { holds: done.status === 0, why: `${done.stdout}${done.stderr}`.trim().slice(-500) };
}

function fail(line: string): never {
  process.stderr.write(`verify: ${line}\n`);
  process.exit(1);
}
