/** What the sensor tells of processes, connections, system calls and files, and what it says where it cannot. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { EventWatch, actor, buildWatch, cannotWatch, writersTest } from "../support/event-watch.ts";
import type { Told } from "../support/event-watch.ts";
import { cannotGate, makeGateRoot } from "../support/gate-root.ts";
import type { GateRoot } from "../support/gate-root.ts";

const why = cannotWatch() ?? cannotGate();
if (why !== undefined) console.warn(`The sensor's events are not tested: ${why}.`);

const parts = { events: 1 << 7, network: 1 << 8, files: 1 << 9, syscalls: 1 << 10, connector: 1 << 11 };
const flags = { argsCut: 1 << 1, unlinked: 1 << 3, memfd: 1 << 4, script: 1 << 11 };
const has = (record: Told["of"], flag: number): boolean => (Number(record["flags"]) & flag) !== 0;

describe.skipIf(why !== undefined)("the sensor's events", () => {
  let root: GateRoot;
  let watch: EventWatch | undefined;
  beforeAll(() => {
    buildWatch();
    root = makeGateRoot(tmpdir(), 200);
  });
  afterEach(async () => {
    await watch?.close();
    watch = undefined;
  });
  afterAll(() => root.remove());

  const open = async (...more: readonly string[]) => {
    watch = await EventWatch.open("--scope-cgroup", root.cgroup, ...more);
    return watch;
  };
  const openFiles = async (...more: readonly string[]) => open("--watch", root.path, ...more);
  /** Runs in the scope; what it printed. */
  const run = (program: string, args: readonly string[], options: { cwd?: string } = {}): string => {
    const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
    const { status, stdout, stderr } = spawnSync("sh", ["-c", enter, root.cgroup, program, ...args], {
      encoding: "utf8",
      ...options,
    });
    if (status === null || status === 127) throw new Error(`${program} did not run: ${stderr}`);
    return stdout;
  };
  const place = (name: string): string => join(root.path, "tmp", name);
  /** So that scripts run in the root. */
  const furnish = (): void => {
    const programs = ["/bin/sh", "/bin/true", "/bin/rm", "/bin/cp", "/bin/mv"];
    for (const program of programs) {
      execFileSync("cp", ["--parents", "-L", program, root.path]);
      for (const line of execFileSync("ldd", [program], { encoding: "utf8" }).split("\n")) {
        const [, library] = /(?:=> )?(\/\S+) \(0x/.exec(line) ?? [];
        if (library !== undefined) execFileSync("cp", ["--parents", "-L", library, root.path]);
      }
    }
    mkdirSync(place(""), { recursive: true });
  };

  test("a program that starts is told with path, arguments, folder, control group and file; then its end", async () => {
    const told = await open();
    run("/bin/sh", ["-c", "exit 7", "two words", ""], { cwd: "/usr/lib" });
    const exec = await told.told("exec", (of) => of["arguments"]?.includes("exit") === true);
    const file = statSync("/bin/sh");
    expect(exec).toMatchObject({
      path: execFileSync("realpath", ["/bin/sh"], { encoding: "utf8" }).trim(),
      called: "/bin/sh",
      arguments: "/bin/sh,-c,exit\\x207,two\\x20words,",
      argc: "5",
      directory: "/usr/lib",
      cgroupname: root.cgroup.slice(root.cgroup.lastIndexOf("/") + 1),
      user: "0",
      parent: String(process.pid),
    });
    expect(exec["file"]?.split(":")[1]).toBe(String(file.ino));
    expect(exec["file"]?.split(":")[3]).toBe(String(file.size));
    const exit = await told.told("exit", ({ pid }) => pid === exec["pid"]);
    expect(exit).toMatchObject({ code: String(7 << 8), started: exec["started"] });
  });

  test("a script is told as itself and as the interpreter that runs it", async () => {
    const told = await open();
    mkdirSync(place(""), { recursive: true });
    writeFileSync(place("job.sh"), "#!/bin/sh\nexit 0\n");
    chmodSync(place("job.sh"), 0o755);
    run("./job.sh", [], { cwd: place("") });
    const exec = await told.told("exec", ({ called }) => called === "./job.sh");
    expect(exec["path"]).toBe(execFileSync("realpath", ["/bin/sh"], { encoding: "utf8" }).trim());
    expect(has(exec, flags.script)).toBe(true);
    expect(exec["scriptfile"]?.split(":")[1]).toBe(String(statSync(place("job.sh")).ino));
  });

  test("in another root the path is the one that the process sees, and the script is found there", async () => {
    const told = await open();
    furnish();
    writeFileSync(place("inside"), "#!/bin/sh\nread line\n");
    chmodSync(place("inside"), 0o755);
    run("sh", ["-c", `sleep 0.3 | chroot ${root.path} /tmp/inside`]);
    const exec = await told.told("exec", ({ called }) => called === "/tmp/inside");
    expect(exec).toMatchObject({ path: "/usr/bin/sh", directory: "/" });
    expect(exec["scriptfile"]?.split(":")[1]).toBe(String(statSync(place("inside")).ino));
  });

  test.each([
    ["has ended at once in a root of its own", "#!/bin/sh\nexit 0\n", ""],
    ["removes itself first", '#!/bin/sh\nrm "$0"\n', ""],
    ["is replaced while it runs", '#!/bin/sh\ncp /bin/sh "$0.new"; mv "$0.new" "$0"\n', ""],
    ["is started by a script in turn", "#!/bin/sh\nexit 0\n", "tmp/outer"],
  ])("a script is told as the file that was started where it %s", async (_name, text, outer) => {
    const told = await open();
    furnish();
    writeFileSync(place("inside"), text);
    chmodSync(place("inside"), 0o755);
    if (outer !== "") {
      writeFileSync(join(root.path, outer), "#!/tmp/inside\n");
      chmodSync(join(root.path, outer), 0o755);
    }
    const called = outer === "" ? "/tmp/inside" : `/${outer}`;
    const { ino, size } = statSync(join(root.path, called));
    run("chroot", [root.path, called]);
    const exec = await told.told("exec", (of) => of["called"] === called);
    expect(has(exec, flags.script)).toBe(true);
    expect(exec["scriptfile"]?.split(":")).toMatchObject({ 1: String(ino), 3: String(size) });
  });

  test("a script behind more closed files than are looked at is found by its path", async () => {
    const told = await open();
    mkdirSync(place(""), { recursive: true });
    writeFileSync(place("many.sh"), "#!/bin/sh\nsleep 1\n");
    chmodSync(place("many.sh"), 0o755);
    const start =
      "import os,sys,resource; resource.setrlimit(resource.RLIMIT_NOFILE,(9000,9000)); [os.open('/dev/null',os.O_CLOEXEC) for _ in range(5000)]; os.execv(sys.argv[1],sys.argv[1:])";
    run("python3", ["-c", start, place("many.sh")]);
    const exec = await told.told("exec", ({ called }) => called === place("many.sh"));
    expect(exec["scriptfile"]?.split(":")[1]).toBe(String(statSync(place("many.sh")).ino));
  });

  test("two megabytes of arguments are cut at 8,192 bytes, and the record says so", async () => {
    const told = await open();
    run(
      "/bin/true",
      Array.from({ length: 20 }, (_, at) => String(at).padEnd(100_000, "x")),
    );
    const exec = await told.told("exec", ({ called }) => called === "/bin/true");
    expect(exec["argc"]).toBe("21");
    expect(exec["arguments"]).toHaveLength(8192);
    expect(has(exec, flags.argsCut)).toBe(true);
  });

  test("a path that is neither UTF-8 nor harmless comes as its bytes", async () => {
    const told = await open();
    const folder = Buffer.concat([Buffer.from(`${place("")}/`), Buffer.from([0xff, 0x0a]), Buffer.from("\x1b[2J")]);
    mkdirSync(folder, { recursive: true });
    // The argument is bytes that Node cannot pass on: the shell finds them by its pattern.
    run("sh", ["-c", `for each in *2J; do cp /bin/true "$each/x" && exec "$each/x"; done`], { cwd: place("") });
    const exec = await told.told("exec", ({ path }) => path?.endsWith("2J/x") === true);
    expect(exec["path"]).toBe(`${place("")}/\\xff\\x0a\\x1b[2J/x`);
  });

  test("a program without a file is told as one", async () => {
    const told = await open();
    run(actor, ["run-memfd", "/bin/true"]);
    const exec = await told.told("exec", ({ arguments: words }) => words === "from-memory");
    expect(exec["path"]).toBe("/memfd:carrier");
    expect(has(exec, flags.memfd) && has(exec, flags.unlinked)).toBe(true);
  });

  test("a process that outlives its first thread ends once, with the code of the last", async () => {
    const told = await open();
    run(actor, ["thread-exit"]);
    const { pid } = await told.told("exec", ({ arguments: words }) => words?.endsWith("thread-exit") === true);
    await told.told("exit", (of) => of["pid"] === pid);
    const all = await told.close();
    const exits = all.filter(({ kind, of }) => kind === "exit" && of["pid"] === pid);
    expect(exits.map(({ of }) => of["code"])).toEqual([String(7 << 8)]);
  });

  test("nobody outside the scope is told of, and no number is missing", async () => {
    const told = await open();
    spawnSync("/bin/true", ["outside"]);
    run(actor, ["tick", "500"]);
    const { pid } = await told.told("exec", ({ arguments: words }) => words?.endsWith("tick,500") === true);
    await told.told("exit", (of) => of["pid"] === pid);
    const all = await told.close();
    expect(all.filter(({ of }) => of["arguments"]?.includes("outside"))).toEqual([]);
    expect(all.filter(({ kind, of }) => kind === "fork" && of["pid"] === pid)).toHaveLength(500);
    expect(gaps(all)).toBe(0);
    expect(all.filter(({ kind }) => kind === "lost")).toEqual([]);
  });

  test("what found no room in the ring is counted: what was made is what came and what was declared lost", async () => {
    const told = await open();
    told.child.kill("SIGSTOP");
    run("sh", [
      "-c",
      `words=$(printf '%08000d' 0); at=0; while [ $at -lt 500 ]; do /bin/true "$words"; at=$((at + 1)); done`,
    ]);
    told.child.kill("SIGCONT");
    await told.line((line) => line.startsWith("lost "));
    // What comes afterwards on each processor shows where its gap ends.
    for (const [processor] of cpus().entries()) {
      run("taskset", ["-c", String(processor), "/bin/true", `after-${processor}`]);
      await told.told("exec", ({ arguments: words }) => words?.endsWith(`true,after-${processor}`) === true);
    }
    const all = await told.close();
    const lost = all.filter(({ kind, of }) => kind === "lost" && of["where"] === "1");
    expect(lost.map(({ of }) => Number(of["count"])).reduce((sum, each) => sum + each, 0)).toBe(gaps(all));
    expect(gaps(all)).toBeGreaterThan(0);
  });

  test("who connects and who listens is told", async () => {
    const told = await open();
    run(actor, ["tcp", "9", "udp", "53", "udp6", "5353", "listen", "0"]);
    const loopback = "7f000001";
    expect(await told.told("connect", ({ protocol }) => protocol === "6")).toMatchObject({ remote: `${loopback}:9` });
    expect(await told.told("connect", ({ protocol, family }) => protocol === "17" && family === "2")).toMatchObject({
      remote: `${loopback}:53`,
    });
    expect(await told.told("connect", ({ family }) => family === "10")).toMatchObject({
      remote: `${"1".padStart(32, "0")}:5353`,
    });
    expect((await told.told("listen"))["local"]).toMatch(/^7f000001:[1-9]\d*$/);
  });

  test("system calls are told where that is asked for", async () => {
    const told = await open("--syscalls");
    const does = "memfd hello attach write-memory open-memory bpf namespace mount /mnt user 1000";
    const printed = run(actor, does.split(" "));
    const [attached, written, opened] = [...printed.matchAll(/target (\d+)/g)].map(([, pid]) => pid);
    await told.told("credentials", (of) => of["target"] === "1000" && of["request"] === "5");
    expect(await told.told("memfd")).toMatchObject({ called: "hello", kind: "1" });
    expect(await told.told("ptrace", ({ target }) => target === attached)).toMatchObject({ request: "16" });
    expect(await told.told("ptrace", ({ target }) => target === written)).toMatchObject({ request: String(0x10000) });
    expect(await told.told("ptrace", ({ target }) => target === opened)).toMatchObject({ request: String(0x10002) });
    expect(await told.told("bpf")).toMatchObject({ command: "5", type: "1" });
    await told.told("mount", ({ kind }) => kind === "3");
    expect(await told.told("mount", ({ path }) => path === "/mnt")).toMatchObject({ kind: "1", type: "tmpfs" });
  });

  test.each(["/proc/self/mem", "/proc/self/../thread-self/mem", "/proc/self/root/proc/self/mem", "mem"])(
    "whoever opens a process's memory for writing is told, as %s too",
    async (path) => {
      const told = await open("--syscalls");
      const [, pid] = /(\d+)/.exec(
        run("python3", ["-c", `import os; print(os.getpid()); os.chdir("/proc/self"); open("${path}", "r+b")`]),
      ) as RegExpExecArray;
      expect(await told.told("ptrace")).toMatchObject({ pid, target: pid, request: String(0x10002) });
    },
  );

  test("without it they are not", async () => {
    const told = await open();
    run(actor, ["memfd", "hello", "bpf"]);
    const { pid } = await told.told("exec", ({ arguments: words }) => words?.endsWith("bpf") === true);
    await told.told("exit", (of) => of["pid"] === pid);
    expect((await told.close()).filter(({ kind }) => kind === "memfd" || kind === "bpf")).toEqual([]);
  });

  test.each([
    ["on_fork", "new processes are told less exactly", parts.events | parts.connector],
    ["on_exec,on_fork,on_exit,on_exit_older", "programs that start are told less exactly", parts.connector],
    ["on_socket", "who listens is not told", parts.events | parts.network],
    ["on_connect4", "UDP connections over IPv4 are not told", parts.events | parts.network],
    ["on_call", "memfd_create, ptrace, bpf, mount and setuid calls are not told", parts.events],
    ["on_opened", "who opens another process's memory as a file is not told", parts.events | parts.syscalls],
  ])("where the kernel refuses %s the rest goes on, and it is said: %s", async (names, says, there) => {
    const told = await open("--refuse", names);
    expect(told.parts & there).toBe(there);
    expect(told.lines.join("\n")).toContain(`${names.split(",")[0]}: Operation not permitted; `);
    expect(told.lines.join("\n")).toContain(says);
    // The connector's events are filled from /proc: the shell stays until they have been.
    run("sh", ["-c", '"$0" tcp 9 tick 1; sleep 0.5', actor]);
    await told.told("exec", ({ arguments: words }) => words?.endsWith("actor,tcp,9,tick,1") === true);
    await told.told("fork");
    await told.told("exit");
    if (names !== "on_exec,on_fork,on_exit,on_exit_older")
      await told.told("connect", ({ remote }) => remote === "7f000001:9");
  });

  test("without the kernel's types the proc connector tells what starts and ends", async () => {
    const told = await open("--no-btf");
    expect(told.parts & (parts.events | parts.network | parts.syscalls)).toBe(0);
    expect(told.parts & parts.connector).not.toBe(0);
    expect(told.lines.join("\n")).toContain("kernel types (BTF): not there");
    run("sh", ["-c", "sleep 0.5; exit 3"]);
    const exec = await told.told("exec", ({ arguments: words }) => words?.includes("exit") === true);
    expect(exec["cgroupname"]).toBe(root.cgroup.slice(root.cgroup.lastIndexOf("/") + 1));
    await told.told("exit", ({ pid, code }) => pid === exec["pid"] && code === String(3 << 8));
  });

  test("files are told as they are made, written, renamed and removed, also below a folder that moves", async () => {
    const told = await openFiles();
    const [first, second] = [place("first"), place("second")];
    mkdirSync(join(first, "deep"), { recursive: true });
    writeFileSync(join(first, "deep/a"), "a");
    renameSync(join(first, "deep/a"), join(first, "deep/b"));
    renameSync(first, second);
    writeFileSync(join(second, "deep/c"), "c");
    const written = await told.told("file", ({ path }) => path === join(second, "deep/c"));
    expect(written).toMatchObject({ change: "3", pid: String(process.pid) });
    expect(written["file"]?.split(":")[1]).toBe(String(statSync(join(second, "deep/c")).ino));
    await told.told("file", ({ path, old }) => path === join(first, "deep/b") && old === join(first, "deep/a"));
    await told.told("file", ({ path, old, change }) => path === second && old === first && change === "36");
    rmSync(second, { recursive: true });
    await told.told("file", ({ path, change }) => path === second && change === "40");
    expect(gaps(await told.close())).toBe(0);
  });

  test("who opens a file is told only where that was asked for", async () => {
    const told = await openFiles();
    const [kept, other] = [place("keys"), place("others")];
    for (const folder of [kept, other]) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "secret"), "a canary");
    }
    for (const watched of [kept, kept, join(other, "single")]) {
      if (watched !== kept) writeFileSync(watched, "a canary");
      told.ask(`opened ${watched}`);
      await told.line((line) => line === `watched ${watched}: Success`);
    }
    const reader = spawnSync("cat", [join(other, "secret"), join(kept, "secret"), join(other, "single")]);
    expect(reader.status).toBe(0);
    const one = await told.told("file", ({ path, change }) => path === join(kept, "secret") && change === "64");
    expect(one["pid"]).toBe(String(reader.pid));
    await told.told("file", ({ path, change }) => path === join(other, "single") && change === "64");
    const opened = (await told.close()).filter(({ kind, of }) => kind === "file" && of["change"] === "64");
    expect(opened.map(({ of }) => of["path"])).toEqual([join(kept, "secret"), join(other, "single")]);
  });

  test("equal changes of one file become one record", async () => {
    const told = await openFiles();
    for (let each = 0; each < 50; each += 1) writeFileSync(place("again"), String(each));
    await told.told("file", ({ path }) => path === place("again"));
    const all = await told.close();
    const [record, ...more] = all.filter(({ of }) => of["path"] === place("again"));
    expect(record?.of["change"]).toBe("3");
    expect(more.length).toBeLessThan(10);
  });

  test("an older kernel, which tells a rename in two events and no file, is understood", async () => {
    const told = await openFiles("--refuse", "fan_target");
    writeFileSync(place("from"), "x");
    renameSync(place("from"), place("to"));
    await told.told("file", ({ path, old }) => path === place("to") && old === place("from"));
    run("sh", ["-c", `echo x > ${place("by-shell")}`]);
    told.ask(`writer ${place("by-shell")}`);
    expect(await told.told("writer")).toMatchObject({ name: "sh" });
  });

  test("a queue that ran over is told, and no writer from before is believed", async () => {
    const told = await openFiles();
    run("sh", ["-c", `echo x > ${place("earlier")}`]);
    told.ask(`writer ${place("earlier")}`);
    expect(await told.told("writer")).toMatchObject({ name: "sh" });
    told.child.kill("SIGSTOP");
    for (let each = 0; each < 20_000; each += 1) writeFileSync(place(`many-${each}`), "");
    told.child.kill("SIGCONT");
    await told.told("lost", ({ kind, where }) => kind === "26" && where === "3");
    told.ask(`writer ${place("earlier")}`);
    await told.line((line) => line === "writer none");
    for (let each = 0; each < 20_000; each += 1) rmSync(place(`many-${each}`));
  });

  test("without the kernel's programs a writer is known that lives a moment longer", async () => {
    const told = await openFiles("--no-btf");
    run("sh", ["-c", `echo x > ${place("alive")}; sleep 1`]);
    told.ask(`writer ${place("alive")}`);
    expect(await told.told("writer")).toMatchObject({ name: "sh" });
  });

  test("of two file systems with one identity, copies of an image, nobody is told as the writer", async () => {
    const [image, copy] = [join(root.scratch, "one-image"), join(root.scratch, "its-copy")];
    execFileSync("truncate", ["-s", "16M", image]);
    execFileSync("/sbin/mkfs.ext4", ["-q", "-F", image]);
    execFileSync("cp", [image, copy]);
    const folders = [`${image}-mounted`, `${copy}-mounted`] as const;
    try {
      for (const [at, folder] of folders.entries()) {
        mkdirSync(folder);
        execFileSync("mount", ["-o", "loop", [image, copy][at] ?? "", folder]);
      }
      const told = await open("--watch", folders[0], "--watch", folders[1]);
      run("sh", ["-c", `echo x > ${folders[0]}/x`]);
      told.ask(`writer ${folders[0]}/x`);
      expect(await told.line((line) => line.startsWith("writer "))).toBe("writer none");
    } finally {
      for (const folder of folders) spawnSync("umount", [folder]);
    }
  });

  test("a file system that is watched can be unmounted", async () => {
    const folder = join(root.scratch, "other");
    mkdirSync(folder);
    execFileSync("mount", ["-t", "tmpfs", "none", folder]);
    watch = await EventWatch.open("--scope-cgroup", root.cgroup, "--watch", folder);
    writeFileSync(join(folder, "x"), "x");
    await watch.told("file", ({ path }) => path === join(folder, "x"));
    expect(spawnSync("umount", [folder], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
  });

  test("who closed a file is known the moment after, while others read and fill the same queue", () => {
    const { stdout, status } = spawnSync(writersTest, [root.path, "1000"], { encoding: "utf8" });
    expect(stdout).toBe("asked=3000 unknown=0 wrong=0\n");
    expect(status).toBe(0);
  });
});

/** Numbers that are missing between the first and the last of each lane. */
function gaps(records: readonly Told[]): number {
  const lanes = new Map<string, bigint[]>();
  for (const { of } of records) {
    const { cpu, seq } = of;
    if (cpu !== undefined && seq !== undefined) lanes.set(cpu, [...(lanes.get(cpu) ?? []), BigInt(seq)]);
  }
  let missing = 0n;
  for (const numbers of lanes.values()) {
    const sorted = numbers.toSorted((one, other) => (one < other ? -1 : 1));
    const last = sorted.at(-1) ?? 0n;
    missing += last + 1n - BigInt(sorted.length);
  }
  return Number(missing);
}
