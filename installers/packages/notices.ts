import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Debian's "copyright" file: our own licence and each bundled package's, in full, as they ask for. */
export function notices(packages: readonly string[], top: string): string {
  const parts = packages.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(top, folder, "package.json"), "utf8")) as {
      readonly name: string;
      readonly version: string;
      readonly license?: string;
    };
    return `\n${"-".repeat(76)}\n${name} ${version} (${license ?? "licence in its text"})\n\n${licenceText(join(top, folder))}`;
  });
  return [
    "Provost is licensed under Apache-2.0; its text follows. What it carries of others follows after it:",
    "Node.js (with its own dependencies) and the npm packages below.\n",
    readFileSync(join(top, "LICENSE"), "utf8"),
    ...nodeNotice(top),
    ...parts,
  ].join("\n");
}

function licenceText(folder: string): string {
  const file = readdirSync(folder).find((name) => /^(?:licen[cs]e|copying)(?:\.(?:md|txt|mit))?$/i.test(name));
  return file === undefined
    ? "(the package carries no licence file; its package.json names the licence above)\n"
    : readFileSync(join(folder, file), "utf8");
}

function nodeNotice(top: string): string[] {
  const folder = ["x64", "arm64"]
    .map((arch) => join(top, `node_modules/node-linux-${arch}`))
    .find((path) => existsSync(path));
  if (folder === undefined) return [];
  return [`\n${"-".repeat(76)}\nNode.js\n\n${licenceText(folder)}`];
}
