/** `npm run dist`: packages and single executables of agent and server, each with bill of materials, provenance and signature. */
import { createHash, createPublicKey } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { makeDeb } from "./deb.ts";
import { products } from "./product.ts";
import type { Build } from "./product.ts";
import { attestAll, signingKey, sums } from "./proofs.ts";
import { makeRpm } from "./rpm.ts";
import { isThere, run } from "./run.ts";
import { makeSingle } from "./single.ts";
import { stage, top } from "./stage.ts";
import { makeTarball } from "./tarball.ts";

const formats = ["deb", "rpm", "tar", "single"] as const;
type Format = (typeof formats)[number];
const makers = { deb: makeDeb, rpm: makeRpm, tar: makeTarball, single: makeSingle } as const;

const { values: asked } = parseArgs({
  options: {
    out: { type: "string", default: join(top, "dist/packages") },
    version: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    format: { type: "string", multiple: true, default: [] },
    key: { type: "string" },
    "builder-id": { type: "string", default: "https://provost.invalid/local-build" },
    "no-attest": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (asked.help) {
  process.stdout
    .write(`npm run dist -- [--out DIR] [--only agent|server]... [--format deb|rpm|tar|single]... [--key KEY] [--version V] [--json]

  --out DIR        where the packages are put (dist/packages)
  --only PART      agent or server; both
  --format FORMAT  deb, rpm, tar or single (one executable file); all
  --key KEY        signs them, as \`provost attest --key\` takes it; else a key made for this build, its public half beside the packages
  --builder-id ID  who builds, as the provenance says it
  --version V      another version than the source's own, for trying an upgrade
  --no-attest      packages only
`);
  process.exit(0);
}

const build: Build = {
  version:
    asked.version ??
    /productVersion = "([^"]+)"/.exec(readFileSync(join(top, "shared/protocol/version.ts"), "utf8"))?.[1] ??
    "",
  epoch: sourceTime(),
  work: join(resolve(asked.out), ".work"),
  out: resolve(asked.out),
};
if (!/^\d+\.\d+\.\d+(?:-[0-9a-z.]+)?$/.test(build.version)) fail(`--version: wanted 1.2.3, got ${build.version}`);
for (const format of asked.format)
  if (!formats.some((known) => known === format)) fail(`--format: wanted ${formats.join(", ")}, got ${format}`);
const wanted: readonly Format[] = asked.format.length === 0 ? formats : (asked.format as Format[]);

try {
  main();
} catch (cause) {
  fail(cause instanceof Error ? cause.message : String(cause));
}

function main(): void {
  mkdirSync(build.work, { recursive: true });
  const artefacts: string[] = [];
  const bills = new Map<string, string>();
  for (const product of products) {
    if (asked.only.length > 0 && !asked.only.includes(product.part)) continue;
    say(`${product.name} ${build.version}: staging`);
    const root = stage(product, build);
    for (const format of wanted) {
      if (format === "rpm" && !isThere("rpmbuild")) {
        say("no .rpm: rpmbuild is not there (Debian's package rpm)");
        continue;
      }
      const started = Date.now();
      const file = makers[format](product, root, build);
      bills.set(file, join(root, "usr/share/doc", product.name, "sbom.cdx.json"));
      artefacts.push(file);
      say(
        `${basename(file)}  ${(statSync(file).size / 1e6).toFixed(1)} MB, ${((Date.now() - started) / 1000).toFixed(0)} s`,
      );
    }
  }
  const made = asked["no-attest"] ? [] : sign(artefacts, bills);
  sums(artefacts, (data) => createHash("sha256").update(data).digest("hex"), build);
  rmSync(join(build.work), { recursive: true, force: true });
  if (asked.json)
    process.stdout.write(
      `${JSON.stringify({ version: build.version, artefacts: artefacts.map(about), attestations: made.map((path) => basename(path)) })}\n`,
    );
}

function sign(artefacts: readonly string[], bills: ReadonlyMap<string, string>): string[] {
  const key = signingKey(asked.key, build);
  const made = attestAll(artefacts, bills, { key, builderId: asked["builder-id"] }, build);
  if (asked.key === undefined)
    writeFileSync(
      join(build.out, "build-key.pub.pem"),
      createPublicKey(readFileSync(key)).export({ type: "spki", format: "pem" }),
    );
  say(`${made.length} attestations; \`npm run dist:verify\` checks them`);
  return made;
}

function about(path: string) {
  return {
    file: basename(path),
    bytes: statSync(path).size,
    sha256: createHash("sha256").update(readFileSync(path)).digest("hex"),
  };
}

/** The time of the commit that is built, or what SOURCE_DATE_EPOCH says. */
function sourceTime(): number {
  const given = process.env["SOURCE_DATE_EPOCH"];
  if (given !== undefined && /^\d{1,12}$/.test(given)) return Number(given);
  return Number(run("git", ["-C", top, "log", "-1", "--format=%ct"]).trim());
}

function say(line: string): void {
  process.stderr.write(`dist: ${line}\n`);
}

function fail(line: string): never {
  say(line);
  process.exit(1);
}
