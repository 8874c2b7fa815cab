import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { folderBill } from "@provost/agent/sbom/folder-bill.ts";
import { readPackageJson } from "@provost/shared/ecosystems/npm/package-json.ts";
import { readMetadata } from "@provost/shared/ecosystems/pypi/metadata.ts";
import { parsePurl } from "@provost/shared/ecosystems/purl.ts";
import { readDocument } from "@provost/shared/sbom/read.ts";
import { json, sbomVectors, setResult, type CaseResult, type SetResult } from "./vectors.ts";

/**
 * syft's integration cases, for the ecosystems that are read here. Its Python and npm files lie loose, in no installation, so that
 * an inventory rightly passes them over: their readers are asked instead. Its own two documents are read as well.
 */
export function inventory(): Promise<SetResult> {
  const truth = json(sbomVectors("inventory", "syft-ground-truth.json")) as readonly Truth[];
  const results: CaseResult[] = [];
  const leftOut: string[] = [];
  for (const one of truth) {
    const id = `${one.group}: ${one.case}`;
    const found = readers[`${one.group}: ${one.type}`]?.();
    if (found === undefined) leftOut.push(`${id} (${one.type})`);
    else results.push({ id, asExpected: shown(found) === shown(one.packages), got: shown(found) });
  }
  return Promise.resolve({ ...setResult("syft-inventory", [...results, ...goldens()]), leftOut });
}

interface Truth {
  readonly group: string;
  readonly case: string;
  readonly type: string;
  readonly packages: Packages;
}
type Packages = Readonly<Record<string, string>>;

const image = (...path: readonly string[]): string => sbomVectors("inventory", "image-pkg-coverage", ...path);
const shown = (packages: Packages): string =>
  Object.entries(packages)
    .map(([name, version]) => `${name} ${version}`)
    .toSorted()
    .join(", ");

const readers: Readonly<Record<string, (() => Packages) | undefined>> = {
  "commonTestCases: DebPkg": installed("deb"),
  "imageOnlyTestCases: PythonPkg": pythonMetadata,
  "imageOnlyTestCases: NpmPkg": packageJson,
};

function installed(type: string): () => Packages {
  return () => {
    const { items } = folderBill(image(), () => undefined, new AbortController().signal);
    const purls = items.flatMap(({ purl }) => (purl === undefined ? [] : (parsePurl(purl) ?? [])));
    return Object.fromEntries(
      purls.filter((one) => one.type === type).map(({ name, version = "" }) => [name, version]),
    );
  };
}

function pythonMetadata(): Packages {
  const files = readdirSync(image("pkgs", "python")).flatMap((name) =>
    ["METADATA", "PKG-INFO"].map((file) => image("pkgs", "python", name, file)),
  );
  return Object.fromEntries(
    files.filter(existsSync).flatMap((file) => {
      const read = readMetadata([readFileSync(file)]);
      return read.kind === "metadata" ? [[read.name, read.version] as const] : [];
    }),
  );
}

function packageJson(): Packages {
  const read = readPackageJson(readFileSync(image("pkgs", "javascript", "package-json", "package.json")));
  return read.kind === "package" ? { [read.name]: read.version } : {};
}

/** What syft's tests took out of its documents so that they compare equal is put back. */
function goldens(): readonly CaseResult[] {
  const folder = sbomVectors("inventory", "golden");
  return readdirSync(folder)
    .filter((name) => /^(?:cyclonedx|spdx)json/.test(name))
    .map((name) => {
      const text = readFileSync(join(folder, name), "utf8")
        .replace("urn:uuid:redacted", "urn:uuid:00000000-0000-4000-8000-000000000000")
        .replace("timestamp:redacted", "2026-01-01T00:00:00Z")
        .replace('"created":"redacted"', '"created":"2026-01-01T00:00:00Z"');
      const reading = readDocument(Buffer.from(text));
      const got =
        reading.kind === "sbom" ? reading.sbom.components.map((one) => `${one.name} ${one.version}`).join() : "";
      return {
        id: name,
        asExpected: got.startsWith("package-1 1.0.1,package-2 2.0.1"),
        got: reading.kind === "refused" ? reading.why : got,
      };
    });
}
