import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { inLab } from "../scenarios/scenario.ts";
import { makeQuietRoot } from "./root.ts";

/** Honest work in a root of real packages: what does Provost say about it? Nothing may be told as high. */
const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "boolean" } } });
const here = import.meta.dirname;
const top = join(here, "../..");
const names = readdirSync(join(here, "work")).filter((name) => name.startsWith(positionals[0] ?? ""));
const folder = mkdtempSync(join(tmpdir(), "provost-quiet-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const packages =
  "bash dash coreutils findutils grep sed mawk tar gzip xz-utils dpkg apt perl-base procps util-linux diffutils hostname debianutils base-files libc-bin ncurses-bin git make gcc libc6-dev binutils python3 python3-venv python3-pip python3-setuptools python3-wheel nodejs";
const root = join(folder, "root");
mkdirSync(root);
makeQuietRoot(root, packages.split(" "));

const rows = names.map((name) => {
  process.stderr.write(`${name}\n`);
  const files = mkdtempSync(join(folder, "files-"));
  if (name.startsWith("npm")) addProject(files);
  const seen = inLab(join(here, "work", name), files, ["--root", root, "--minutes", "10", "--respond", "off"]);
  rmSync(files, { recursive: true });
  if (seen.exit !== 0) throw new Error(`${name} ended with ${seen.exit}: ${seen.output.slice(-2000)}`);
  return { work: name.replace(".sh", ""), ...seen };
});

function addProject(files: string): void {
  const cache = execFileSync("npm", ["config", "get", "cache"], { encoding: "utf8" }).trim();
  if (!existsSync(join(cache, "_cacache"))) throw new Error("npm's cache is empty: run `npm ci` first");
  cpSync(join(cache, "_cacache"), join(files, "cache/_cacache"), { recursive: true });
  mkdirSync(join(files, "project"));
  const manifests = [
    "package.json",
    "package-lock.json",
    "agent/package.json",
    "server/package.json",
    "shared/package.json",
  ];
  for (const name of [...manifests, "server/console/package.json"].filter((one) => existsSync(join(top, one))))
    cpSync(join(top, name), join(files, "project", name));
}

const findings = rows.flatMap(({ work, findings }) => findings.map((finding) => ({ work, ...finding })));
const count = (level: string): number => findings.filter(({ severity }) => severity === level).length;
const high = count("high") + count("critical");
const told = {
  high,
  medium: count("medium"),
  low: count("low"),
  events: rows.map(({ work, events, lost }) => ({ work, events, lost })),
  findings: findings.map(({ work, severity, rule, sentence }) => ({ work, severity, rule, sentence })),
};
if (values.json === true) process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
else {
  process.stdout.write(`${high} high, ${told.medium} medium, ${told.low} low\n`);
  for (const { work, severity, sentence } of told.findings)
    process.stdout.write(`  ${work.padEnd(8)} ${severity.padEnd(13)} ${sentence}\n`);
}
process.exitCode = high === 0 ? 0 : 1;
