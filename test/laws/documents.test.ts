import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { bases, linkKinds, standings } from "@provost/shared/model/verdict.ts";
import { files, firstColumn, read, top } from "./repository.ts";

const documents = files().filter((path) => path.endsWith(".md"));
const { scripts } = JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> };

describe.each(documents)("%s", (document) => {
  const text = read(document);
  const prose = withoutCode(text);

  test("has only links that lead somewhere", () => {
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
    expect(links.filter((target) => !/^https?:\/\//.test(target) && !leads(document, target))).toEqual([]);
  });

  test("names no folder of somebody's own machine", () => {
    expect(text.match(/(?<![\w.>])\/(?:work|home|Users|root)\/\S*/g) ?? []).toEqual([]);
  });

  test("names only npm scripts that exist", () => {
    const named = [...text.matchAll(/npm run (?:-s )?([a-z][a-z-]*)/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  test("names only files and folders of this repository that are there", () => {
    const named = [...prose.matchAll(repositoryPath)].map(([, path = ""]) => path);
    expect(named.filter((path) => !existsSync(join(top, path)))).toEqual([]);
  });
});

test("the glossary explains every standing, every basis and every link of a chain", () => {
  const words = firstColumn(read("docs/glossary.md"));
  expect([...standings, ...bases, ...linkKinds].filter((word) => !words.includes(word))).toEqual([]);
});

test("the glossary explains no word twice", () => {
  const words = firstColumn(read("docs/glossary.md"));
  expect(words.filter((word, at) => words.indexOf(word) !== at)).toEqual([]);
});

test("decisions are numbered once each, and the list of them names every one", () => {
  const decisions = files("docs/decisions").filter((path) => !path.endsWith("/README.md"));
  const numbers = decisions.map((path) => /\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1]);
  expect(numbers).not.toContain(undefined);
  expect(new Set(numbers).size).toBe(numbers.length);
  const list = read("docs/decisions/README.md");
  expect(numbers.filter((number) => number !== undefined && !list.includes(number))).toEqual([]);
});

const repositoryPath = /`((?:agent|server|shared|test|installers|docs|changelog)\/[\w./-]+)`/g;

/** Fenced blocks show shapes and commands, not places. */
function withoutCode(text: string): string {
  return text.replace(/^```[^]*?^```/gm, "");
}

function leads(document: string, target: string): boolean {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? document : normalize(join(dirname(document), path));
  if (!existsSync(join(top, file))) return false;
  return anchor === undefined || anchors(read(file)).includes(anchor);
}

/** A heading's name in a link, as hosts of Markdown make it. */
function anchors(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
