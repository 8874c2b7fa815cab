/** Programs starting as they do on a machine that builds, installs and is administered: long command lines, many shells. */
import type { ObservedExec, ObservedProcess } from "@provost/shared/model/observed.ts";
import { instant, sha256 } from "@provost/shared/model/ids.ts";

const commands: readonly (readonly [executable: string, ...parts: string[]])[] = [
  [
    "/usr/bin/bash",
    "/bin/sh",
    "-c",
    "gcc -Wall -O2 -Iinclude -MMD -MF build/obj/module.d -c src/module.c -o build/obj/module.o",
  ],
  [
    "/usr/bin/x86_64-linux-gnu-gcc-12",
    "gcc",
    "-Wall",
    "-O2",
    "-Iinclude",
    "-c",
    "src/module.c",
    "-o",
    "build/obj/module.o",
  ],
  [
    "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
    "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
    "-quiet",
    "-I",
    "include",
    "-imultiarch",
    "x86_64-linux-gnu",
    "src/module.c",
    "-quiet",
    "-dumpdir",
    "build/obj/",
    "-dumpbase",
    "module.c",
    "-mtune=generic",
    "-march=x86-64",
    "-O2",
    "-Wall",
    "-o",
    "/tmp/ccYbQx7R.s",
  ],
  ["/usr/bin/x86_64-linux-gnu-as", "as", "-I", "include", "--64", "-o", "build/obj/module.o", "/tmp/ccYbQx7R.s"],
  ["/usr/bin/mkdir", "mkdir", "-p", "build/obj/deep/er"],
  ["/usr/bin/rm", "rm", "-f", "build/obj/module.o"],
  ["/usr/bin/grep", "grep", "-q", "^CONFIG_NET=y", ".config"],
  ["/usr/bin/sed", "sed", "-e", "s/[[:space:]]*$//", "-e", "s#@PREFIX@#/usr/local#g", "config.h.in"],
  ["/usr/bin/git", "git", "rev-parse", "--show-toplevel"],
  ["/usr/bin/git", "git", "fetch", "--update-head-ok", "origin", "+refs/heads/main:refs/remotes/origin/main"],
  ["/usr/bin/node", "node", "/srv/app/node_modules/.bin/tsc", "--project", "tsconfig.json", "--incremental"],
  ["/usr/bin/node", "npm", "install", "--no-audit", "--no-fund", "--loglevel=error"],
  ["/usr/bin/python3.11", "python3", "-m", "pip", "install", "-r", "requirements.txt", "--disable-pip-version-check"],
  [
    "/usr/bin/curl",
    "curl",
    "-fsSL",
    "https://files.example/archive/InRelease",
    "-o",
    "/var/lib/apt/lists/partial/InRelease",
  ],
  [
    "/usr/bin/dpkg",
    "/usr/bin/dpkg",
    "--status-fd",
    "20",
    "--no-triggers",
    "--unpack",
    "--auto-deconfigure",
    "/var/cache/apt/archives/libssl3_3.0.17-1_amd64.deb",
  ],
  ["/usr/bin/systemctl", "systemctl", "is-active", "--quiet", "nginx.service"],
  ["/usr/sbin/cron", "/usr/sbin/CRON", "-f"],
  ["/usr/bin/cat", "cat", "/proc/sys/kernel/osrelease"],
  ["/usr/bin/id", "id", "-u"],
  ["/usr/bin/uname", "uname", "-m"],
  ["/usr/bin/ps", "ps", "-eo", "pid,ppid,comm,args", "--no-headers"],
  ["/usr/bin/find", "find", ".", "-name", "*.ts", "-not", "-path", "./node_modules/*", "-newer", ".stamp"],
  ["/usr/bin/tar", "tar", "-xzf", "/tmp/build-cache.tar.gz", "-C", "/srv/build"],
  ["/usr/bin/ssh", "ssh", "-o", "BatchMode=yes", "deploy@app1.example.org", "sudo systemctl restart app"],
  ["/usr/bin/make", "make", "-C", "/srv/build/linux", "modules", "V=0", "-j2"],
];

/** `count` of them, no two alike, each with its parent; the same every time. */
export function execEvents(count: number): readonly ObservedExec[] {
  return Array.from({ length: count }, (_, at) => {
    const [executable, ...parts] = commands[at % commands.length] ?? ["/bin/true"];
    const [shell, ...shellParts] = commands[(at * 7) % commands.length] ?? ["/bin/sh"];
    const parent = processOf(1000 + at, shell, shellParts);
    return {
      kind: "exec",
      id: `dev_bench-${at}`,
      at: instant(1_790_000_000_000 + at),
      host: "build-1",
      actor: {
        ...processOf(
          2000 + at,
          executable,
          parts.map((part) => part.replace("module", `module${at % 997}`)),
        ),
        parent,
      },
    };
  });
}

const digest = sha256("0123456789abcdef".repeat(4));

function processOf(pid: number, executable: string, parts: readonly string[]): Omit<ObservedProcess, "parent"> {
  return {
    pid,
    startedAt: String(pid * 1_000_003),
    executable,
    arguments: parts,
    directory: "/srv/build",
    uid: 1000,
    gid: 1000,
    loginUid: 1000,
    user: "builder",
    session: 4,
    name: executable.slice(executable.lastIndexOf("/") + 1).slice(0, 15),
    ...(digest === undefined ? {} : { sha256: digest }),
  };
}
