import { beforeAll, describe, expect, test } from "vitest";
import { actor, buildWatch, cannotWatch, parse, watchProgram, writersTest } from "../support/event-watch.ts";
import { bootKernel, programFiles } from "./boot.ts";
import { cannotBoot, kernelVersions } from "./debian-kernel.ts";

// Emulated, so a boot takes a minute or more: the older kernel, which tells an end without saying whether it was the last thread's.
const versions = process.env.PROVOST_KERNELS === "all" ? kernelVersions : kernelVersions.slice(0, 1);
const cannot = cannotWatch() ?? cannotBoot();
if (cannot !== undefined) process.stderr.write(`skipped: the sensor's events on Debian's kernels: ${cannot}\n`);

describe.skipIf(cannot !== undefined).each(versions)("the sensor's events on Debian's kernel %s", (version) => {
  beforeAll(buildWatch);

  test("every program loads, and each kind of event is told", { timeout: 600_000 }, async () => {
    const files = await Promise.all([
      programFiles(watchProgram, "/watch"),
      programFiles(actor, "/actor"),
      programFiles(writersTest, "/writers-test"),
    ]);
    const { lines, console } = await bootKernel({
      version,
      files: Object.assign({}, ...files),
      script,
      within: 480,
    });
    const records = lines.map(parse);
    const kinds = new Set(records.map(({ kind }) => kind));
    const wanted = ["exec", "fork", "exit", "connect", "listen", "module", "ptrace", "memfd", "bpf", "mount", "file"];
    expect([wanted.filter((kind) => !kinds.has(kind)), kinds.has("exec") ? "" : console]).toEqual([[], ""]);
    // Between the parts and "ready" stands what is missing.
    expect(lines.slice(0, 2)).toEqual([`parts=${(1 << 7) | (1 << 8) | (1 << 9) | (1 << 10)}`, "ready"]);
    const job = records.find(({ of }) => of["called"] === "./job")?.of;
    expect(job).toMatchObject({ path: "/bin/busybox", directory: "/tmp", arguments: "/bin/sh,./job" });
    // The kernel's own word: its path leads elsewhere by then.
    expect(job?.["scriptfile"]?.split(":")[1]).toBe(lines.find((line) => line.startsWith("inode "))?.slice(6));
    const ends = records.filter(({ kind, of }) => kind === "exit" && of["pid"] === job?.["pid"]);
    expect(ends.map(({ of }) => of["code"])).toEqual([String(3 << 8)]);
    expect(records.find(({ of }) => of["old"] === "/tmp/job")?.of).toMatchObject({ path: "/tmp/moved" });
    expect(records.find(({ kind }) => kind === "writer")?.of).toMatchObject({ name: "sh" });
    expect(lines).toContain("asked=150 unknown=0 wrong=0");
    expect(records.filter(({ kind }) => kind === "lost")).toEqual([]);
  });
});

const script = `
mkfifo /tmp/in
/watch --syscalls --watch /tmp < /tmp/in > /dev/shm/out 2>&1 &
exec 9> /tmp/in
while ! grep -q ready /dev/shm/out; do sleep 1; done
ip link set lo up
/actor memfd hello attach bpf udp 53 tcp 9 listen 0 namespace mount /mnt > /dev/null
cd /tmp; printf '#!/bin/sh\\nexit 3\\n' > job; chmod 755 job; stat -c 'inode %i' job > /dev/shm/inode; ./job; mv job moved; echo writer /tmp/moved >&9
for module in /modules/*binfmt_misc*; do rmmod binfmt_misc; insmod $module; done
sleep 2
exec 9>&-; wait
cat /dev/shm/out /dev/shm/inode
/writers-test /tmp 50
`;
