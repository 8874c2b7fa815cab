import { exec, file, running, shell, unclaimed } from "../case.ts";
import type { RuleCase } from "../case.ts";

const bash = running("/bin/bash");
const shim = running("/usr/bin/containerd-shim-runc-v2 -id a");
const hook = shell("node x.js", running("/usr/bin/node /usr/bin/npm install", bash), {
  directory: "/w/app/node_modules/evil",
});

export const cases: readonly RuleCase[] = [
  {
    says: "a program is started from memory",
    events: [exec(running("/memfd:x x --quiet", running("/usr/bin/python3 a.py", bash)), { unnamed: "memory" })],
    finds: [["high", "python3 started a program from memory: /memfd:x x --quiet."]],
  },
  {
    says: "an install hook starts one whose file was removed",
    events: [exec(running("/tmp/x", hook, { worth: unclaimed }), { unnamed: "unlinked" })],
    finds: [["critical", "sh started a program whose file was removed: /tmp/x."]],
  },
  {
    says: "a program that nothing claims loads a module into the kernel",
    events: [
      {
        id: "",
        at: exec(bash).at,
        host: "",
        kind: "module",
        actor: running("/tmp/x", bash, { worth: unclaimed }),
        module: "rootkit",
      },
    ],
    finds: [["high", "x, which nothing claims, loaded the kernel module rootkit."]],
  },
  {
    says: "xz: a package manager brings a changed library",
    events: [
      file(running("/usr/bin/dpkg --unpack simz.deb"), "renamed", "/usr/lib/libsimz.so.1", {
        package: "pkg:deb/debian/simz@1.1",
      }),
    ],
    finds: [["informational", "The library /usr/lib/libsimz.so.1 of pkg:deb/debian/simz@1.1 was changed by dpkg."]],
  },
  {
    says: "modprobe loads a module",
    events: [
      {
        id: "",
        at: exec(bash).at,
        host: "",
        kind: "module",
        actor: running("/usr/sbin/modprobe loop", bash),
        module: "loop",
      },
    ],
    finds: [],
  },
  { says: "a program that is a file is started", events: [exec(running("/usr/bin/ls", bash))], finds: [] },
  {
    says: "runc copies itself into memory before it enters a container",
    events: [
      exec(running("runc init", shim, { executable: "/memfd:runc_cloned:/proc/self/exe" }), { unnamed: "memory" }),
    ],
    finds: [],
  },
  {
    says: "what calls itself runc has bytes that nothing claims",
    events: [exec(running("runc init", shim, { executable: "/memfd:runc", worth: unclaimed }), { unnamed: "memory" })],
    finds: [["high", "containerd-shim-runc-v2 started a program from memory: runc init."]],
  },
  {
    says: "what calls itself runc is started by a script",
    events: [exec(running("runc init", running("/usr/bin/python3 a.py", bash)), { unnamed: "memory" })],
    finds: [["high", "python3 started a program from memory: runc init."]],
  },
];
