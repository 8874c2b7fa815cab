import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type GateRoot, cannotGate, copyProgram, makeGateRoot } from "./gate-root.ts";
import { cannotSense } from "./gate-sensor.ts";
import { cannotAnswer } from "./small-agent.ts";

const sources = join(import.meta.dirname, "../e2e/sensor");

/** Why the sensor's own tests cannot run here; undefined where they can. */
export const cannotTestSensor = (): string | undefined => cannotGate() ?? cannotSense() ?? cannotAnswer();

export interface Scene extends GateRoot {
  /** Digests of what is verified, for sensor-client's --allow. */
  readonly allow: string;
  /** Runs a line in the root's shell, as a process that may be refused. What it wrote, both streams. */
  run(line: string): string;
  /** The same, outside of the scope: nothing of it is ever refused. */
  runFree(line: string): string;
}

/** A root with a verified shell and its tools, verified and unverified programs, libraries and scripts. */
export function makeScene(parent: string): Scene {
  const root = makeGateRoot(parent, 64);
  try {
    return fill(root);
  } catch (cause) {
    root.remove();
    throw cause;
  }
}

function fill(root: GateRoot): Scene {
  const at = (path: string): string => join(root.path, path);
  const compile = (source: string, as: string, ...flags: string[]): void => {
    execFileSync("gcc", ["-O1", "-Wall", "-Wextra", "-Werror", "-o", as, join(sources, source), ...flags]);
  };
  copyFileSync("/bin/busybox", at("usr/bin/busybox"));
  for (const name of [
    "sh",
    "cat",
    "cp",
    "mv",
    "mount",
    "umount",
    "unshare",
    "chroot",
    "sleep",
    "mkdir",
    "rm",
    "truncate",
    "timeout",
    "id",
    "kill",
  ])
    linkSync(at("usr/bin/busybox"), at(`usr/bin/${name}`));
  compile("say.c", at("good"), "-static", '-DWORD="good ran"');
  compile("say.c", at("bad"), "-static", '-DWORD="bad ran"');
  compile("library.c", at("good.so"), "-shared", "-fPIC", '-DWORD="good library ran"');
  compile("library.c", at("bad.so"), "-shared", "-fPIC", '-DWORD="bad library ran"');
  const tools = join(root.scratch, "tools");
  mkdirSync(tools);
  for (const name of ["load", "check-only"]) {
    compile(`${name}.c`, join(tools, name));
    copyProgram(root, join(tools, name), `/usr/bin/${name}`);
  }
  for (const name of ["good", "bad"])
    writeFileSync(at(`${name}.sh`), `#!/bin/sh\necho ${name} script ran\n`, { mode: 0o755 });
  const libraries = execFileSync("find", [at("usr/lib"), at("usr/lib64"), at("lib"), "-type", "f"], {
    encoding: "utf8",
  });
  const verified = ["good", "good.so", "good.sh", "usr/bin/busybox", "usr/bin/load", "usr/bin/check-only"].map(at);
  const allow = join(root.scratch, "allow");
  const digests = [...verified, ...libraries.split("\n").filter((path) => path !== "")].map((path) =>
    createHash("sha256").update(readFileSync(path)).digest("hex"),
  );
  writeFileSync(allow, `${digests.join("\n")}\n`);
  execFileSync("mknod", ["-m", "666", at("dev/null"), "c", "1", "3"]);
  mkdirSync(at("scope"));
  execFileSync("mount", ["--bind", root.cgroup, at("scope")]);
  execFileSync("mount", ["-t", "proc", "proc", at("proc")]);
  const shell = (line: string): string => {
    const done = spawnSync("timeout", ["20", "chroot", root.path, "/bin/sh", "-c", line], { encoding: "utf8" });
    return `${done.stdout}${done.stderr}`;
  };
  return {
    ...root,
    allow,
    run: (line) => shell(`echo $$ > /scope/cgroup.procs; ${line}`),
    runFree: shell,
    remove: () => {
      for (const place of ["scope", "proc"]) spawnSync("umount", [at(place)]);
      root.remove();
    },
  };
}
