import { execFile, spawn, spawnSync } from "node:child_process";
import type { ChildProcess, SpawnSyncReturns } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeDebianRoot } from "./debian-root.ts";
import { until } from "./server-world.ts";

/** Machines that are nothing but a Debian root each, in network, mount and process namespaces of their own: nothing reaches the host. */
export interface Machines {
  machine(name: string): Promise<Machine>;
  /** A program of the host, in the machines' network. */
  host(program: string, args: readonly string[]): SpawnSyncReturns<string>;
  close(): void;
}

export interface Machine {
  readonly root: string;
  run(
    program: string,
    args?: readonly string[],
    options?: { input?: string; env?: Record<string, string> },
  ): SpawnSyncReturns<string>;
  /** Goes on running; ends with the machines. */
  start(words: readonly string[], env?: Record<string, string>): ChildProcess & { printed(): string };
  mount(type: string, place: string, options: string): void;
  unmount(place: string): void;
  /** Every path, without what dpkg, user management and the kernel keep for themselves. */
  files(): string[];
  read(path: string): string;
  write(path: string, text: string): void;
}

export async function openMachines(folder: string): Promise<Machines> {
  const base = join(folder, "base");
  await makeDebianRoot(base, ["curl"]);
  // A machine knows itself; debootstrap leaves that to an installer.
  writeFileSync(join(base, "etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n");
  const holder = spawn(
    "unshare",
    [
      "--net",
      "--mount",
      "--pid",
      "--fork",
      "--kill-child",
      "sh",
      "-c",
      "ip link set lo up && mount --make-rprivate / && echo ready && exec sleep 3600",
    ],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let said = "";
  holder.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await until(() => said.includes("ready"), "the namespaces", 10_000);
  const inner = readFileSync(`/proc/${holder.pid ?? 0}/task/${holder.pid ?? 0}/children`, "utf8").trim();
  const enter = ["-t", inner, "--net", "--mount", "--pid"];
  const host = (program: string, args: readonly string[]): SpawnSyncReturns<string> =>
    spawnSync("nsenter", [...enter, program, ...args], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const clean = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/root",
    LC_ALL: "C.UTF-8",
  };
  const children: ChildProcess[] = [];
  return {
    host,
    async machine(name) {
      const root = join(folder, name);
      await promisify(execFile)("cp", ["-a", base, root]);
      for (const [type, place] of [
        ["proc", "proc"],
        ["tmpfs", "run"],
        ["tmpfs", "dev/shm"],
      ] as const) {
        mkdirSync(join(root, place), { recursive: true });
        const done = host("mount", ["-t", type, type, join(root, place)]);
        if (done.status !== 0) throw new Error(`${place} of ${name} cannot be mounted: ${done.stderr}`);
      }
      const words = (program: string, args: readonly string[]): string[] => [
        ...enter,
        "chroot",
        root,
        program,
        ...args,
      ];
      return {
        root,
        run: (program, args = [], options = {}) =>
          spawnSync("nsenter", words(program, args), {
            encoding: "utf8",
            env: { ...clean, ...options.env },
            ...(options.input === undefined ? {} : { input: options.input }),
          }),
        start(command, env = {}) {
          const [program = "", ...args] = command;
          const child = spawn("nsenter", words(program, args), {
            env: { ...clean, ...env },
            stdio: ["ignore", "pipe", "pipe"],
          });
          let text = "";
          for (const stream of [child.stdout, child.stderr])
            stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
          children.push(child);
          return Object.assign(child, { printed: () => text });
        },
        mount(type, place, options) {
          const done = host("mount", ["-t", type, "-o", options, type, join(root, place)]);
          if (done.status !== 0) throw new Error(`${place} cannot be mounted: ${done.stderr}`);
        },
        unmount: (place) => void host("umount", [join(root, place)]),
        files: () => paths(root, ""),
        read: (path) => readFileSync(join(root, path), "utf8"),
        write(path, text) {
          // Through the namespace: what is mounted there is not here.
          const done = spawnSync("nsenter", [...enter, "tee", join(root, path)], { input: text, encoding: "utf8" });
          if (done.status !== 0) throw new Error(`${path} cannot be written: ${done.stderr}`);
        },
      };
    },
    close() {
      // The first process of the namespace takes all others with it.
      holder.kill("SIGKILL");
      for (const child of children) child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const own =
  /^(?:proc|run|dev|sys|tmp|var\/lib\/dpkg|var\/log|var\/cache)(?:\/|$)|^etc\/(?:passwd|group|shadow|gshadow|subuid|subgid)-$|\.lock$/;

function paths(root: string, below: string): string[] {
  return readdirSync(join(root, below), { withFileTypes: true })
    .flatMap((entry) => {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (own.test(path)) return [];
      return entry.isDirectory() ? [path, ...paths(root, path)] : [path];
    })
    .sort();
}

/** The words and the environment that a unit starts its program with, as its own user. */
export function unitCommand(
  root: string,
  unit: string,
): { readonly words: readonly string[]; readonly env: Record<string, string> } {
  const text = readFileSync(join(root, "usr/lib/systemd/system", unit), "utf8");
  const all = (key: string): string[] =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value);
  const [user] = all("User");
  const capabilities = all("AmbientCapabilities")
    .flatMap((line) => line.split(" "))
    .map((name) => `+${name.replace("CAP_", "").toLowerCase()}`);
  const state = `/var/lib/${all("StateDirectory")[0] ?? ""}`;
  const env = Object.fromEntries(
    all("Environment")
      .flatMap((line) => line.split(" "))
      .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
  const as =
    user === undefined
      ? []
      : [
          "setpriv",
          "--reuid",
          user,
          "--regid",
          user,
          "--clear-groups",
          ...(capabilities.length === 0
            ? []
            : [`--inh-caps=${capabilities.join(",")}`, `--ambient-caps=${capabilities.join(",")}`]),
        ];
  return { words: [...as, ...(all("ExecStart")[0] ?? "").split(" ")], env: { ...env, STATE_DIRECTORY: state } };
}
