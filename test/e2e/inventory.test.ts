import { execFile, execFileSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareRecord, hashesNeeded } from "../../agent/ecosystems/compare-record.ts";
import { deb } from "../../agent/ecosystems/deb/deb.ts";
import { isProblem, type Found } from "../../agent/ecosystems/ecosystem.ts";
import { recordsOf } from "../../agent/ecosystems/index.ts";
import { npm } from "../../agent/ecosystems/npm/npm.ts";
import { pypi } from "../../agent/ecosystems/pypi/pypi.ts";
import { openRoot } from "../../agent/ecosystems/root-view.ts";
import { pathText } from "../../shared/lib/path-text.ts";
import type { FileRecord, InstalledPackage, InventoryProblem } from "../../shared/model/inventory.ts";
import { walk } from "../support/found.ts";

const scratch = fs.mkdtempSync(join(tmpdir(), "provost-inventory-"));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const nothing: Found = { root: "", nodeModules: [], distInfos: [], lockfiles: [] };
const run = (program: string, args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) =>
  execFileSync(program, args, {
    cwd: options.cwd ?? scratch,
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PYTHONPATH: "", ...options.env },
  });
const packagesIn = (items: Iterable<InstalledPackage | InventoryProblem>) =>
  [...items].filter((item): item is InstalledPackage => !isProblem(item));

describe.skipIf(!fs.existsSync("/usr/bin/dpkg-query"))("beside dpkg-query", () => {
  const view = openRoot("");
  const packages = packagesIn(deb.packages(view, nothing));

  test("the same packages, versions, architectures and states", () => {
    const format = "${Package} ${Version} ${Architecture} ${db:Status-Status}\n";
    const listed = run("dpkg-query", ["-W", "-f", format]).trim().split("\n");
    const ours = packages.map(({ name, version, arch, state }) => `${name} ${version} ${arch} ${state ?? "installed"}`);
    expect(ours.toSorted()).toEqual(listed.filter((line) => !line.endsWith(" not-installed")).toSorted());
  });

  test("the same owner of each file of a sample of packages", () => {
    const special = ["bash", "dash", "coreutils", "libpq-dev", "postgresql-common", "linux-perf", "libc6", "vim-tiny"];
    const sample = packages.filter(({ name }, at) => at % 20 === 0 || special.includes(name));
    const expected = new Map(sample.map((installed) => [installed.purl, filesListed(installed)]));
    const wanted = new Set([...expected.values()].flatMap((files) => [...files]));
    const owned = new Map(sample.map(({ purl }): [string, Set<string>] => [purl, new Set()]));
    for (const record of deb.records(view, packages, wanted))
      if (!isProblem(record) && record.role !== "generated") owned.get(record.purl)?.add(record.path);
    expect(wanted.size).toBeGreaterThan(1000);
    for (const [purl, files] of expected)
      expect([purl, ...[...(owned.get(purl) ?? [])].toSorted()]).toEqual([purl, ...[...files].toSorted()]);
  });

  function filesListed({ name, arch }: InstalledPackage): Set<string> {
    const lines = run("dpkg-query", ["-L", arch === "all" ? name : `${name}:${arch}`]).split("\n");
    const files = new Set<string>();
    for (const [at, line] of lines.entries()) {
      const moved = /^(?:locally diverted|diverted by .*) to: (\/.*)$/.exec(lines[at + 1] ?? "")?.[1];
      const place = moved ?? line;
      if (!place.startsWith("/") || !fs.existsSync(dirname(place))) continue;
      const real = join(fs.realpathSync(dirname(place)), place.slice(place.lastIndexOf("/") + 1));
      // As path text: systemd's units have names with a backslash.
      if (fs.lstatSync(real, { throwIfNoEntry: false })?.isFile() === true) files.add(pathText(Buffer.from(real)));
    }
    return files;
  }
});

interface Sides {
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

interface LsNode {
  readonly name?: string;
  readonly version?: string;
  readonly path?: string;
  readonly missing?: boolean;
  readonly dependencies?: Readonly<Record<string, LsNode>>;
}

describe("beside npm ls", () => {
  let server: Server;
  const cache = join(scratch, "root", ".npm");
  const env = { npm_config_cache: cache, npm_config_update_notifier: "false", npm_config_fund: "false" };
  // Not synchronous: this process also serves a tarball to it.
  const install = async (project: string, ...more: string[]) => {
    const args = ["install", "--no-audit", "--ignore-scripts", ...more];
    await promisify(execFile)("npm", args, { cwd: project, env: { ...process.env, ...env }, timeout: 60_000 });
  };

  beforeAll(async () => {
    fs.mkdirSync(cache, { recursive: true });
    fs.mkdirSync(join(scratch, "etc"));
    fs.writeFileSync(join(scratch, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
    const tarball = bundlingTarball();
    server = createServer((_request, response) => void response.end(tarball));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  /** A package that bundles another and whose command has a Windows line end, made by npm itself. */
  function bundlingTarball(): Buffer {
    const source = join(scratch, "bundler");
    write(join(source, "package.json"), {
      name: "bundler",
      version: "1.0.0",
      bin: { bundler: "./cli.js" },
      dependencies: { inner: "2.0.0" },
      bundledDependencies: ["inner"],
    });
    fs.writeFileSync(join(source, "cli.js"), "#!/usr/bin/env node\r\nconsole.log(1)\r\n", { mode: 0o755 });
    write(join(source, "node_modules/inner/package.json"), { name: "inner", version: "2.0.0" });
    fs.writeFileSync(join(source, "node_modules/inner/index.js"), "module.exports = 2;\n");
    const [packed] = JSON.parse(run("npm", ["pack", "--json"], { cwd: source, env })) as [{ filename: string }];
    return fs.readFileSync(join(source, packed.filename));
  }

  function project(name: string, manifest: Record<string, unknown>): string {
    const folder = join(scratch, name);
    write(join(folder, "package.json"), { name, version: "0.0.0", ...manifest });
    return folder;
  }

  function bundlerUrl(): string {
    const address = server.address();
    return `http://127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}/bundler-1.0.0.tgz`;
  }

  const plain = () => ({
    dependencies: { "is-odd": "3.0.1", "is-number": "7.0.0", "@types/ms": "2.1.0", bundler: bundlerUrl() },
    optionalDependencies: { fsevents: "2.3.3" },
  });

  test.each([["1"], ["2"], ["3"]])("a project with a lockfile of version %s", async (version) => {
    const folder = project(`plain-${version}`, plain());
    await install(folder, "--lockfile-version", version);
    const { ours, theirs } = bothSay(folder, ["ls", "--all", "--json", "--long"], folder);
    expect(theirs.length).toBeGreaterThan(0);
    expect(ours).toEqual(theirs);
    // Without the hidden lockfile the project's own must do.
    fs.rmSync(join(folder, "node_modules/.package-lock.json"));
    const { files, found } = walk(scratch, `/plain-${version}`);
    const packages = packagesIn(npm.packages(openRoot(scratch), found));
    const records = await recordsFor(
      packages,
      files.filter((path) => path.includes("/node_modules/")),
    );
    const proofs = records.filter((record) => record.via === "npm-cache");
    const owned = records.filter((record) => record.via === "npm-folder");
    expect(packages.map(({ name, version }) => `${name}@${version}`).toSorted()).toEqual([
      "@types/ms@2.1.0",
      "bundler@1.0.0",
      "inner@2.0.0",
      "is-number@6.0.0",
      "is-number@7.0.0",
      "is-odd@3.0.1",
    ]);
    expect(proofs.map(({ path }) => path).toSorted()).toEqual(owned.map(({ path }) => path).toSorted());
    const view = openRoot(scratch);
    for (const record of proofs) {
      const hashes = view.hash(record.path, [...hashesNeeded([record])], 1e9);
      expect([record.path, hashes.kind === "hashes" && compareRecord(record, hashes.hex)]).toEqual([
        record.path,
        "yes",
      ]);
    }
    const cli = proofs.find(({ path }) => path.endsWith("/bundler/cli.js"));
    expect(fs.readFileSync(join(scratch, cli?.path ?? ""), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(proofs.find(({ path }) => path.endsWith("/inner/index.js"))?.purl).toBe("pkg:npm/inner@2.0.0");
  });

  test("an edited file no longer agrees with its tarball, and an edited tarball proves nothing", async () => {
    const folder = project("edited", { dependencies: { "is-number": "7.0.0" } });
    await install(folder);
    const { found } = walk(scratch, "/edited");
    const packages = packagesIn(npm.packages(openRoot(scratch), found));
    const path = "/edited/node_modules/is-number/index.js";
    fs.appendFileSync(join(scratch, path), "// more\n");
    const [proof] = (await recordsFor(packages, [path])).filter((record) => record.via === "npm-cache");
    const hashes = openRoot(scratch).hash(path, ["sha256"], 1e9);
    expect(proof && hashes.kind === "hashes" && compareRecord(proof, hashes.hex)).toBe("no");
    expect(proof?.pinnedBy?.integrity).toMatch(/^sha512-/);
    const content = walk(cache, "/_cacache/content-v2/sha512").files;
    for (const file of content) fs.appendFileSync(join(cache, file), "x");
    expect((await recordsFor(packages, [path])).map(({ via }) => via)).toEqual(["npm-folder"]);
  });

  test("workspaces are reported once and as no registry's", async () => {
    const folder = project("spaces", { private: true, workspaces: ["one", "two"] });
    write(join(folder, "one/package.json"), {
      name: "@s/one",
      version: "1.0.0",
      dependencies: { "is-number": "7.0.0" },
    });
    write(join(folder, "two/package.json"), {
      name: "two",
      version: "1.0.0",
      dependencies: { "@s/one": "1.0.0", "is-number": "6.0.0" },
    });
    await install(folder);
    const { ours, theirs } = bothSay(folder, ["ls", "--all", "--json", "--long"], folder);
    expect(theirs.length).toBeGreaterThan(0);
    expect(ours).toEqual(theirs);
    const linked = packagesIn(npm.packages(openRoot(""), walk("", folder).found)).filter(
      ({ origin }) => origin === "link",
    );
    const said = linked.map(({ name, location, integrity }) => `${name} ${location} ${integrity}`);
    expect(said.toSorted()).toEqual([
      `@s/one ${join(folder, "one")} undefined`,
      `two ${join(folder, "two")} undefined`,
    ]);
  });

  test("a global tree", () => {
    const prefix = join(scratch, "global");
    run("npm", ["install", "-g", "--prefix", prefix, "--ignore-scripts", "is-odd@3.0.1", "@types/ms@2.1.0"], { env });
    const { ours, theirs } = bothSay(prefix, ["ls", "-g", "--prefix", prefix, "--all", "--json", "--long"], scratch);
    expect(theirs.length).toBeGreaterThan(0);
    expect(ours).toEqual(theirs);
  });

  test("this repository's own tree", () => {
    const repository = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
    const { ours, theirs } = bothSay(repository, ["ls", "--all", "--json", "--long"], repository);
    expect(theirs.length).toBeGreaterThan(0);
    expect(ours).toEqual(theirs);
  });

  function bothSay(folder: string, ls: readonly string[], cwd: string): Sides {
    const root = JSON.parse(run("npm", ls, { cwd, env })) as LsNode;
    const listed = new Set<string>();
    collect(root, listed);
    const ours = packagesIn(npm.packages(openRoot(""), walk("", folder).found));
    const said = ours.map(({ location, name, version }) => `${location} ${name}@${version}`);
    return { ours: said.toSorted(), theirs: [...listed].toSorted() };
  }

  function collect(node: LsNode, listed: Set<string>): void {
    for (const child of Object.values(node.dependencies ?? {})) {
      if (child.version !== undefined && child.path !== undefined && child.missing !== true)
        listed.add(`${fs.realpathSync(child.path)} ${child.name}@${child.version}`);
      collect(child, listed);
    }
  }

  async function recordsFor(packages: readonly InstalledPackage[], paths: readonly string[]): Promise<FileRecord[]> {
    const records: FileRecord[] = [];
    for await (const record of recordsOf(openRoot(scratch), packages, new Set(paths)))
      if (!isProblem(record)) records.push(record);
    return records;
  }
});

const pyenv = "/root/.pyenv/versions";
const interpreters = [
  "/usr/bin/python3",
  ...(fs.existsSync(pyenv) ? fs.readdirSync(pyenv).map((version) => `${pyenv}/${version}/bin/python`) : []),
].filter((path) => fs.existsSync(path) && hasPip(path));

describe("beside pip list", () => {
  test.each(interpreters)("%s", (python) => {
    const { ours, theirs } = bothSay(python);
    expect(theirs.length).toBeGreaterThan(0);
    expect(ours).toEqual(theirs);
  });

  test("a virtual environment with a wheel, its script and its compiled files", () => {
    const python = interpreters.findLast((path) => canMakeEnvironment(path));
    expect(python).toBeDefined();
    const home = join(scratch, "venv");
    run(python ?? "", ["-m", "venv", home]);
    run(join(home, "bin/python"), ["-c", makeWheel], { cwd: scratch });
    run(join(home, "bin/python"), [
      "-m",
      "pip",
      "install",
      "--no-index",
      "--no-deps",
      "sample_pkg-1.5-py3-none-any.whl",
    ]);
    const { ours, theirs } = bothSay(join(home, "bin/python"));
    expect(theirs.length).toBeGreaterThan(0);
    expect(ours).toEqual(theirs);
    const { found, files } = walk("", home);
    const view = openRoot("");
    const packages = packagesIn(pypi.packages(view, found)).filter(({ name }) => name === "sample-pkg");
    const records = [...pypi.records(view, packages, new Set(files))].filter(
      (record): record is FileRecord => !isProblem(record),
    );
    const shown = records.map((record) => {
      const hashes = view.hash(record.path, [...hashesNeeded([record])], 1e9);
      const agrees = hashes.kind === "hashes" ? compareRecord(record, hashes.hex) : hashes.kind;
      return `${record.path
        .slice(home.length)
        .replace(/python3\.\d+/, "py")
        .replace(/cpython-\d+/, "c")} ${record.role} ${agrees}`;
    });
    expect(shown).toEqual(
      expect.arrayContaining([
        "/lib/py/site-packages/sample_pkg/__init__.py file yes",
        "/lib/py/site-packages/sample_pkg/__pycache__/__init__.c.pyc generated yes",
        "/bin/sample-tool file yes",
      ]),
    );
  });

  function bothSay(python: string): Sides {
    const listed = JSON.parse(run(python, ["-m", "pip", "list", "--format", "json"])) as {
      name: string;
      version: string;
    }[];
    const paths = JSON.parse(run(python, ["-c", "import sys, json; print(json.dumps(sys.path[1:]))"])) as string[];
    const libraries = paths
      .filter((path) => fs.existsSync(path) && path.endsWith("-packages"))
      .map((path) => fs.realpathSync(path));
    const known = new Map<string, string>();
    for (const library of libraries)
      for (const { name, version, location } of packagesIn(pypi.packages(openRoot(""), walk("", library).found)))
        if (dirname(location) === library && !known.has(name)) known.set(name, version);
    const theirs = listed.map(({ name, version }) => `${name.toLowerCase().replace(/[-_.]+/g, "-")} ${version}`);
    return { ours: [...known].map(([name, version]) => `${name} ${version}`).toSorted(), theirs: theirs.toSorted() };
  }
});

function hasPip(python: string): boolean {
  try {
    run(python, ["-c", "import pip"]);
    return true;
  } catch {
    return false;
  }
}

function canMakeEnvironment(python: string): boolean {
  try {
    run(python, ["-c", "import venv, ensurepip"]);
    return true;
  } catch {
    return false;
  }
}

function write(path: string, json: unknown): void {
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.writeFileSync(path, JSON.stringify(json));
}

const makeWheel = `
import zipfile, hashlib, base64
files = {
  "sample_pkg/__init__.py": "def main():\\n    print(1)\\n",
  "sample_pkg-1.5.dist-info/METADATA": "Metadata-Version: 2.1\\nName: Sample_Pkg\\nVersion: 1.5\\n",
  "sample_pkg-1.5.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
  "sample_pkg-1.5.dist-info/entry_points.txt": "[console_scripts]\\nsample-tool = sample_pkg:main\\n",
}
digest = lambda text: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
record = "".join(f"{n},sha256={digest(t)},{len(t)}\\n" for n, t in files.items()) + "sample_pkg-1.5.dist-info/RECORD,,\\n"
with zipfile.ZipFile("sample_pkg-1.5-py3-none-any.whl", "w") as wheel:
    for name, text in files.items(): wheel.writestr(name, text)
    wheel.writestr("sample_pkg-1.5.dist-info/RECORD", record)
`;
