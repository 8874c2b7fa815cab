import { expect, test } from "vitest";
import { files, firstColumn, read } from "./repository.ts";

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const manifest = (folder: string): Manifest => JSON.parse(read(`${folder}/package.json`)) as Manifest;
const foreign = (folder: string): readonly string[] =>
  Object.keys(manifest(folder).dependencies ?? {}).filter((name) => !name.startsWith("@provost/"));

const decisions = files("docs/decisions");
const agents = firstColumn(read("docs/decisions/0008-the-agents-dependencies.md"));

test("each package the agent depends on has its line in ADR 0008", () => {
  expect(foreign("agent").filter((name) => !agents.includes(name))).toEqual([]);
});

test("ADR 0008 names no package that the agent, or shared on its behalf, does not depend on", () => {
  expect(agents.filter((name) => ![...foreign("agent"), ...foreign("shared")].includes(name))).toEqual([]);
});

test("each package that shared depends on has its line in a decision", () => {
  const text = decisions.map(read).join("\n");
  expect(foreign("shared").filter((name) => !text.includes(`| \`${name}\``))).toEqual([]);
});

test.each([".", "shared", "agent", "server", "server/console"])("%s pins every version exactly", (folder) => {
  const { dependencies, devDependencies, optionalDependencies } = manifest(folder);
  const loose = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+(?:-[0-9a-z.]+)?$/.test(version),
  );
  expect(loose).toEqual([]);
});
