import { execFile, execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { GateRoot } from "../support/gate-root.ts";
import { copyProgram } from "../support/gate-root.ts";
import { filesBelow, recordPackage } from "../support/gated-agent.ts";
import type { Part } from "./gate.ts";
import type { Column, Running, World } from "./gate-columns.ts";
import { provostWhole } from "./gate-agent.ts";
import { nobody, runnable } from "./gate-columns.ts";
import type { Timed } from "./gate-programs.ts";
import { atMost, median, round } from "./result.ts";

const top = join(import.meta.dirname, "../..");
const manifests = [
  "package.json",
  "package-lock.json",
  ".npmrc",
  ...["shared", "agent", "server", "server/console"].map((at) => `${at}/package.json`),
];
const cFiles = 240;
const names = Array.from({ length: cFiles }, (_, number) => `part${number}`);

/** What is built, and how, inside the root. What a turn left is removed before the next. */
const works = {
  npm: "cd /tree/npm && npm ci --offline --ignore-scripts --cache /tree/cache",
  make: "cd /tree/make && make -j2",
} as const;
const leftovers: Readonly<Record<keyof typeof works, readonly string[]>> = {
  npm: ["tree/npm/node_modules"],
  make: [
    ...names.map((name) => `tree/make/${name}.o`),
    "tree/make/main.o",
    "tree/make/parts.h",
    "tree/make/generate",
    "tree/make/program",
  ],
};
export type Work = keyof typeof works;

export const buildsPart: Part = async (world, { say, size }) => {
  const cannot = cannotBuild();
  if (cannot !== undefined) {
    say(`without builds: ${cannot}`);
    return { figures: {}, goals: [] };
  }
  furnish(world.root);
  recordPackage(world.root, "workshop", filesBelow(join(world.root.path, "usr")));
  const built = await build(world, runnable([nobody, provostWhole("block", "B", "block")], say), size ?? 5, say);
  const shown = built.map(({ column, work, seconds, ratio }) => [
    `${work} under ${column}: s`,
    `${round(median(seconds), 2)}, ${ratio.toFixed(3)} of none (${seconds.map((value) => value.toFixed(2)).join(", ")})`,
  ]);
  return {
    figures: Object.fromEntries(shown) as Record<string, string>,
    goals: built
      .filter(({ column }) => column !== "none")
      .map(({ work, ratio }) => ({
        ...atMost(`${work} under block with lineage`, 1.03, ratio, "times none"),
        got: round(ratio, 3),
      })),
  };
};

/** Why the builds cannot run here; undefined where they can. */
export function cannotBuild(): string | undefined {
  for (const program of ["gcc", "make", "ld", "as"])
    if (!existsSync(`/usr/bin/${program}`)) return `${program} is missing`;
  return existsSync(cache()) ? undefined : "npm's cache is empty: npm ci fills it";
}

const npm = "/usr/lib/node_modules/npm";
const cache = (): string => join(process.env["HOME"] ?? "/root", ".npm/_cacache");

/** Node, npm, a C compiler and their libraries, the sources, and the packages in npm's cache. */
export function furnish(root: GateRoot): void {
  const inside = (path: string): string => join(root.path, path);
  for (const name of ["sh", "env", "rm", "mkdir", "cat", "make", "gcc", "as", "ld", "expr"])
    copyProgram(root, `/usr/bin/${name}`);
  copyProgram(root, process.execPath, "/usr/bin/node");
  const compiler = execFileSync("gcc", ["-print-file-name="], { encoding: "utf8" }).trim();
  cpSync(compiler, inside(compiler), { recursive: true, dereference: true });
  for (const name of ["cc1", "collect2", "lto-wrapper"])
    for (const program of [execFileSync("gcc", [`-print-prog-name=${name}`], { encoding: "utf8" }).trim()])
      copyProgram(root, program);
  cpSync("/usr/include", inside("/usr/include"), { recursive: true });
  for (const name of ["crt1.o", "Scrt1.o", "crti.o", "crtn.o", "libc.so", "libc_nonshared.a", "libgcc_s.so.1"]) {
    const path = execFileSync("gcc", [`-print-file-name=${name}`], { encoding: "utf8" }).trim();
    copyProgram(root, realpathSync(path), realpathSync(join(path, "..")) + `/${name}`);
  }
  cpSync(npm, inside(npm), { recursive: true });
  symlinkSync(`${npm}/bin/npm-cli.js`, inside("/usr/bin/npm"));
  for (const [name, minor] of [
    ["null", 3],
    ["zero", 5],
    ["urandom", 9],
  ] as const)
    execFileSync("mknod", ["-m", "666", inside(`dev/${name}`), "c", "1", String(minor)]);
  for (const path of manifests) {
    mkdirSync(join(inside("tree/npm"), path, ".."), { recursive: true });
    writeFileSync(join(inside("tree/npm"), path), readFileSync(join(top, path)));
  }
  cpSync(cache(), inside("tree/cache/_cacache"), { recursive: true });
  writeSources(inside("tree/make"));
}

/** A program that makes a header when it is built and run, and some hundred files that need it. */
function writeSources(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "generate.c"),
    `#include <stdio.h>\nint main(void) { for (int i = 0; i < ${cFiles}; i++) printf("int part%d(int);\\n", i); return 0; }\n`,
  );
  for (const [number, name] of names.entries()) {
    const functions = Array.from(
      { length: 40 },
      (_, at) =>
        `static int step${at}(int x) { for (int i = 0; i < ${at + 2}; i++) x = x * 31 + (int)strlen(getenv("PATH")) + i; return x; }\n`,
    );
    writeFileSync(
      join(folder, `${name}.c`),
      `#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include "parts.h"\n${functions.join("")}int part${number}(int x) { return ${Array.from({ length: 40 }, (_, at) => `step${at}(x)`).join(" ^ ")}; }\n`,
    );
  }
  writeFileSync(
    join(folder, "main.c"),
    `#include "parts.h"\nint main(void) { return (${names.map((name) => `${name}(1)`).join(" ^ ")}) == 7; }\n`,
  );
  writeFileSync(
    join(folder, "Makefile"),
    `parts := ${names.map((name) => `${name}.o`).join(" ")} main.o
all: program
\t./program
program: $(parts)
\tgcc -o $@ $(parts)
$(parts): %.o: %.c parts.h
\tgcc -O1 -c -o $@ $<
parts.h: generate
\t./generate > $@
generate: generate.c
\tgcc -o $@ $<
`,
  );
}

export interface Built {
  readonly column: string;
  readonly work: Work;
  readonly seconds: readonly number[];
  /** Median over the rounds of this column's seconds through those of "none" in the same round. */
  readonly ratio: number;
}

export async function build(
  world: World,
  columns: readonly Column[],
  rounds: number,
  say: (line: string) => void,
): Promise<readonly Built[]> {
  const took = new Map<string, number[]>();
  for (let turn = 0; turn < rounds; turn += 1)
    for (const column of turn % 2 === 0 ? columns : columns.toReversed()) {
      // What the turn before left, and left to write, is not this one's work; nor is telling that it was removed.
      for (const work of Object.keys(works) as Work[]) clear(world, work);
      const running = await column.start(world);
      try {
        await warm(world, running);
        for (const work of Object.keys(works) as Work[]) {
          const { seconds } = await timed(world, running, work);
          say(`build ${turn + 1} of ${rounds}: ${work} under ${column.name}: ${seconds.toFixed(2)} s`);
          took.set(`${column.name} ${work}`, [...(took.get(`${column.name} ${work}`) ?? []), seconds]);
        }
      } finally {
        await running.stop();
      }
    }
  return columns.flatMap(({ name }) =>
    (Object.keys(works) as Work[]).map((work) => {
      const seconds = took.get(`${name} ${work}`) ?? [];
      const none = took.get(`none ${work}`) ?? [];
      return {
        column: name,
        work,
        seconds,
        ratio: median(seconds.map((value, at) => value / (none[at] ?? Number.NaN))),
      };
    }),
  );
}

export function clear(world: World, work: Work): void {
  for (const made of leftovers[work]) rmSync(join(world.root.path, made), { recursive: true, force: true });
  execFileSync("sync", ["-f", world.root.path]);
}

/** The tools have run on this machine before: hashing a program at its first start has a figure of its own. */
export async function warm(world: World, running: Running): Promise<void> {
  await runInside(
    world,
    running,
    "cd /tmp && echo 'int main(void) { return 0; }' > warm.c && gcc -o warm warm.c && npm --version && make --version",
  );
}

/** One build, with what it used; what an earlier one made was cleared away. */
export const timed = (world: World, running: Running, work: Work): Promise<Timed> =>
  runInside(world, running, works[work]);

async function runInside(world: World, running: Running, what: string): Promise<Timed> {
  const script = `export HOME=/tmp; (${what}) >/tmp/build.log 2>&1`;
  const options = ["--cgroup", world.root.cgroup, ...running.timer, "--root", world.root.path, "--count", "1"];
  const { stdout } = await promisify(execFile)(world.programs.timer, [...options, "/bin/sh", "-c", script]);
  const timed = JSON.parse(stdout) as Timed;
  if (timed.refused + timed.killed + timed.unsuccessful > 0)
    throw new Error(`${what} failed: ${readFileSync(join(world.root.path, "tmp/build.log"), "utf8").slice(-3000)}`);
  return timed;
}
