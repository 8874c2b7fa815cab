import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

const home = join(import.meta.dirname, "../..");
const lawFile = join(home, ".dependency-cruiser.cjs");
const law = createRequire(import.meta.url)(lawFile) as { readonly forbidden: readonly { readonly name: string }[] };

interface Dependency {
  readonly module: string;
  readonly resolved: string;
  readonly couldNotResolve: boolean;
}
interface Cruised {
  readonly modules: readonly { readonly source: string; readonly dependencies: readonly Dependency[] }[];
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
    }[];
  };
}

function cruise(folder: string): Cruised {
  const roots = ["shared", "agent", "server", "installers"].filter((name) => existsSync(join(folder, name)));
  const program = join(home, "node_modules/.bin/depcruise");
  const ran = spawnSync(process.execPath, [program, "--config", lawFile, "-T", "json", ...roots], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  });
  expect(ran.stderr).not.toMatch(/error:/i);
  return JSON.parse(ran.stdout) as Cruised;
}

const ours = /^(?:shared|agent|server|installers)\/.*\.tsx?$/;

describe("the repository", () => {
  const cruised = cruise(home);
  const modules = cruised.modules.filter(({ source }) => ours.test(source));

  test("is read: every module, and every import that stands in its text", () => {
    expect(modules.length).toBeGreaterThan(100);
    for (const { source, dependencies } of modules) {
      const read = new Set(dependencies.map(({ module }) => module));
      expect([source, importsIn(readFileSync(join(home, source), "utf8")).filter((name) => !read.has(name))]).toEqual([
        source,
        [],
      ]);
    }
  });

  test("resolves every import, its own workspaces to their folders", () => {
    const all = modules.flatMap(({ source, dependencies }) => dependencies.map((to) => ({ source, ...to })));
    expect(all.filter((to) => to.couldNotResolve)).toEqual([]);
    const workspace = all.filter(({ module }) => module.startsWith("@provost/"));
    expect(workspace.length).toBeGreaterThan(100);
    for (const { module, resolved } of workspace) expect(resolved).toBe(module.slice("@provost/".length));
  });

  test("keeps the law", () => {
    expect(cruised.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)).toEqual([]);
  });
});

/** For each rule the files that break it; the first one is the offender. */
const offences: Record<string, Readonly<Record<string, string>>> = {
  "no-cycles": {
    "shared/model/egg.ts": `import { type Hen } from "@provost/shared/model/hen.ts"; export interface Egg { readonly of: Hen }`,
    "shared/model/hen.ts": `import type { Egg } from "./egg.ts"; export interface Hen { readonly lays: Egg }`,
  },
  "shared-is-a-leaf": {
    "shared/model/climber.ts": `import type { Spool } from "../../agent/spool.ts"; export type C = Spool`,
  },
  "shared-does-no-io": { "shared/lib/reader.ts": `export { readFileSync } from "node:fs"` },
  "agent-knows-no-server": {
    "agent/spy.ts": `import { store } from "@provost/server/store-door.ts"; export const s = store`,
  },
  "server-knows-no-agent": {
    "server/spy.ts": `import type { Spool } from "@provost/agent/spool.ts"; export type S = Spool`,
  },
  "server-knows-no-console": { "server/peek.ts": `export const view = import("./console/view.tsx")` },
  "console-sees-only-shared": { "server/console/data/short-cut.ts": `export * from "../../store-door.ts"` },
  "console-runs-in-a-browser": { "server/console/data/disk.tsx": `import "fs"; export const node = <b>disk</b>` },
  "console-never-reaches-node": {
    "server/console/data/digest.ts": `export { digest } from "@provost/shared/lib/digest.ts"`,
    "shared/lib/digest.ts": `import { createHash } from "node:crypto"; export const digest = createHash`,
  },
  "nothing-imports-test-code": {
    "agent/cheat.ts": `import { fake } from "./spool.test.ts"; export const f = fake`,
    "agent/spool.test.ts": `export const fake = 1`,
  },
  "installers-import-nothing": {
    "installers/linux/build.ts": `import type { Spool } from "../../agent/spool.ts"; export type S = Spool`,
  },
  "extensions-do-not-know-each-other": {
    "shared/ecosystems/npm/borrow.ts": `export { control } from "../deb/control.ts"`,
    "shared/ecosystems/deb/control.ts": `export const control = 1`,
  },
  "extensions-are-entered-by-their-index": {
    "agent/burglar.ts": `import { control } from "@provost/shared/ecosystems/deb/inside.ts"; export const c = control`,
    "shared/ecosystems/deb/inside.ts": `export const control = 1`,
  },
};

const bystanders: Readonly<Record<string, string>> = {
  "agent/spool.ts": `export interface Spool { readonly depth: number }`,
  "server/store-door.ts": `export const store = 1`,
  "server/console/view.tsx": `export const view = <p>hello</p>`,
  "shared/ecosystems/index.ts": `export { control } from "./deb/control.ts"`,
  "agent/honest.ts": `import { control } from "@provost/shared/ecosystems/index.ts"; import "node:fs"; export const c = control`,
};

describe("each rule can fail", () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "provost-law-")));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(
    Object.assign({}, bystanders, ...Object.values(offences)) as Record<string, string>,
  ))
    put(join(folder, path), text);
  for (const name of ["shared", "agent", "server"]) {
    put(
      join(folder, name, "package.json"),
      JSON.stringify({ name: `@provost/${name}`, type: "module", exports: { "./*": "./*" } }),
    );
    mkdirSync(join(folder, "node_modules/@provost"), { recursive: true });
    symlinkSync(join("../..", name), join(folder, "node_modules/@provost", name));
  }
  const { violations } = cruise(folder).summary;

  test("and the table knows every rule of the law", () => {
    expect(Object.keys(offences).toSorted()).toEqual(law.forbidden.map(({ name }) => name).toSorted());
  });

  test.each(Object.entries(offences))("%s", (name, files) => {
    const offenders = violations.filter(({ rule }) => rule.name === name).map(({ from }) => from);
    expect(offenders).toContain(Object.keys(files)[0]);
  });

  test("and what keeps the law is not accused", () => {
    const accused = new Set(violations.map(({ from }) => from));
    for (const path of Object.keys(bystanders)) expect(accused).not.toContain(path);
  });
});

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A second, simpler reader than the one under test: statements at the beginning of a line. */
const importsIn = (text: string): readonly string[] =>
  [...text.matchAll(/^(?:import|export)\b(?:[^;"'`]*? from)? "(?:node:)?([^"]+)";$/gm)].map((match) => match[1] ?? "");
