import { file, running, shell, unclaimed } from "../case.ts";
import type { RuleCase } from "../case.ts";

const bash = running("/bin/bash");
const hook = shell("node install.js", running("/usr/bin/node /usr/bin/npm install", bash), {
  directory: "/w/app/node_modules/esbuild",
});
const owned = { package: "pkg:deb/debian/grep@3" };

export const cases: readonly RuleCase[] = [
  {
    says: "a program of a package is overwritten",
    events: [file(running("/usr/bin/python3 patch.py", bash), "written", "/usr/bin/grep", owned)],
    finds: [
      ["high", "python3 changed /usr/bin/grep, which belongs to pkg:deb/debian/grep@3; the package manager did not."],
    ],
  },
  {
    says: "event-stream: a build writes into a file of another package",
    events: [
      file(running("/usr/bin/node build.js", bash), "written", "/usr/share/nodejs/ftp/index.js", {
        package: "pkg:npm/ftp@1",
      }),
    ],
    finds: [
      [
        "low",
        "node changed /usr/share/nodejs/ftp/index.js, which belongs to pkg:npm/ftp@1; the package manager did not.",
      ],
    ],
  },
  {
    says: "apt brings a new version",
    events: [
      file(
        running("/usr/bin/dpkg --unpack grep.deb", running("/usr/bin/apt upgrade", bash)),
        "renamed",
        "/usr/bin/grep",
        owned,
      ),
    ],
    finds: [],
  },
  {
    says: "python compiles a module of its package",
    events: [
      file(
        running("/usr/bin/python3 -m compileall", shell("postinst")),
        "written",
        "/usr/lib/python3/dist-packages/a.py",
        {
          package: "pkg:deb/debian/python3-a@1",
        },
      ),
    ],
    finds: [],
  },
  {
    says: "the mode of a package's program is changed",
    events: [file(running("/usr/bin/chmod 755 /usr/bin/grep", bash), "attributes", "/usr/bin/grep", owned)],
    finds: [],
  },
  {
    says: "an install hook changes a program of another package",
    events: [file(running("/usr/bin/node x.js", hook), "written", "/usr/bin/grep", owned)],
    finds: [
      ["high", "node changed /usr/bin/grep, which belongs to pkg:deb/debian/grep@3; the package manager did not."],
    ],
  },
  {
    says: "a program that nothing claims and that calls itself dpkg",
    events: [file(running("/tmp/dpkg", bash, { worth: unclaimed }), "written", "/usr/bin/grep", owned)],
    finds: [
      ["high", "dpkg changed /usr/bin/grep, which belongs to pkg:deb/debian/grep@3; the package manager did not."],
    ],
  },
  {
    says: "an install hook puts its own package's program for this system in place",
    events: [
      file(running("/usr/bin/node install.js", hook), "written", "/w/app/node_modules/esbuild/bin/esbuild", {
        package: "pkg:npm/esbuild@0.25.0",
      }),
    ],
    finds: [],
  },
];
