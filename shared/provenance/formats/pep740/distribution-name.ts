/** The same distribution under PEP 427 and PEP 625 spellings: name and version normalised, everything else letter by letter. */
export function isSameDistribution(a: string, b: string): boolean {
  if (a === b) return true;
  const [left, right] = [normalised(a), normalised(b)];
  return left !== undefined && left === right;
}

/** Project and version, as the file's name spells them; undefined where it is none of a wheel or a source archive. */
export function distributionIn(file: string): { readonly name: string; readonly version: string } | undefined {
  const [, name, version] = form.exec(file) ?? [];
  return name === undefined || version === undefined ? undefined : { name, version };
}

function normalised(name: string): string | undefined {
  const parts = form.exec(name);
  if (parts === null) return undefined;
  const [, project = "", version = "", rest = ""] = parts;
  return `${project.replace(/[-_.]+/g, "_").toLowerCase()}-${version.toLowerCase().replace(/_/g, "-")}${tags(rest)}`;
}

const form = /^([A-Za-z0-9._-]+?)-(\d[^-]*)((?:-[^-]+){0,4}\.whl|\.tar\.gz|\.zip)$/;

/** PEP 425: compressed tag sets have no order. */
const tags = (rest: string): string =>
  rest
    .split("-")
    .map((part) =>
      part
        .replace(/\.whl$/, "")
        .split(".")
        .sort()
        .join("."),
    )
    .join("-") + (rest.endsWith(".whl") ? ".whl" : "");
