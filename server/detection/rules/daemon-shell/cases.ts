import { exec, file, listen, minutes, running, shell, signed, unclaimed } from "../case.ts";
import type { RuleCase } from "../case.ts";

const systemd = running("/usr/lib/systemd/systemd");
const simd = running("/usr/sbin/simd", systemd, { worth: signed });
const web = running("/usr/bin/node server.js", systemd);
const forger = running("/tmp/cron", systemd, { worth: unclaimed });
const dpkg = running("/usr/bin/dpkg --unpack simz.deb");
const loads = (name: string) =>
  ({ id: "", at: minutes(0), host: "", kind: "memory", actor: simd, what: "library", name }) as const;
const told = (more = "") =>
  `The signed service simd, which listens at 127.0.0.1:7777, started its first shell${more}; nobody is signed in.`;

export const cases: readonly RuleCase[] = [
  {
    says: "xz: a service that listens starts its first shell, and is told once",
    events: [listen(simd, "127.0.0.1", 7777), exec(shell("id", simd)), exec(shell("id", simd, { pid: 999 }))],
    finds: [["high", told()]],
  },
  {
    says: "a worker of it does so",
    events: [
      listen(simd, "127.0.0.1", 7777),
      exec(shell("id", running("/usr/sbin/simd --worker", simd, { worth: signed }))),
    ],
    finds: [["high", told()]],
  },
  {
    says: "a program that does not listen starts a shell",
    events: [exec(shell("id", simd))],
    finds: [],
  },
  {
    says: "somebody who is signed in starts a shell of a service",
    events: [listen(simd, "127.0.0.1", 7777), exec(shell("id", simd, { loginUid: 1000 }))],
    finds: [],
  },
  {
    says: "a server of sign-ins starts one",
    events: [
      listen(running("/usr/sbin/sshd -D", systemd), "0.0.0.0", 22),
      exec(shell("id", running("/usr/sbin/sshd -D", systemd))),
    ],
    finds: [],
  },
  {
    says: "the service began to listen a year ago",
    events: [listen(simd, "127.0.0.1", 7777, { at: minutes(-525_600) }), exec(shell("id", simd))],
    finds: [["high", told()]],
  },
  {
    says: "a service that node runs",
    events: [listen(web, "0.0.0.0", 80), exec(shell("id", web))],
    finds: [
      ["high", "The unproven service node, which listens at 0.0.0.0:80, started its first shell; nobody is signed in."],
    ],
  },
  {
    says: "a program that nothing claims and that calls itself cron",
    events: [listen(forger, "0.0.0.0", 80), exec(shell("id", forger))],
    finds: [
      ["high", "The unproven service cron, which listens at 0.0.0.0:80, started its first shell; nobody is signed in."],
    ],
  },
  {
    says: "a library that the service loads changed before",
    events: [
      file(dpkg, "renamed", "/usr/lib/libsimz.so.1"),
      loads("/usr/lib/libsimz.so.1"),
      listen(simd, "127.0.0.1", 7777),
      exec(shell("id", simd)),
    ],
    finds: [["high", told(" after the library libsimz.so.1 changed")]],
  },
  {
    says: "some other library changed before",
    events: [
      file(dpkg, "renamed", "/usr/lib/libother.so.1"),
      loads("/usr/lib/libsimz.so.1"),
      listen(simd, "127.0.0.1", 7777),
      exec(shell("id", simd)),
    ],
    finds: [["high", told()]],
  },
  {
    says: "another script of the same interpreter listens",
    events: [listen(web, "0.0.0.0", 80), exec(shell("id", running("/usr/bin/node tool.js", systemd)))],
    finds: [],
  },
];
