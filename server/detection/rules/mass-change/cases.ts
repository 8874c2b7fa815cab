import { file, minutes, running, shell, unclaimed } from "../case.ts";
import type { RuleCase } from "../case.ts";

const bash = running("/bin/bash");
const python = running("/usr/bin/python3 wipe.py", bash);
const npm = running("/usr/bin/node /usr/bin/npm install", bash);
const hook = running("/usr/bin/node ssl-geospec.js", shell("node ssl-geospec.js", npm), {
  directory: "/w/app/node_modules/node-ipc",
});
const locker = running("/bin/bash lock.sh", bash);
const docs = "/home/kim/docs/letter";

export const cases: readonly RuleCase[] = [
  {
    says: "node-ipc: an install hook overwrites files",
    events: [file(hook, "written", docs, { count: 10 })],
    finds: [
      [
        "critical",
        "node (ssl-geospec.js) overwrote 10 files within seconds, the last below /home/kim/docs, during npm's installation of node-ipc; it never did so before.",
      ],
    ],
  },
  {
    says: "a program that never did so removes files",
    events: [file(python, "deleted", docs, { count: 20 })],
    finds: [
      [
        "critical",
        "python3 (wipe.py) removed 20 files within seconds, the last below /home/kim/docs; it never did so before.",
      ],
    ],
  },
  {
    says: "a program that nothing claims and that calls itself git",
    events: [file(running("/tmp/git checkout", bash, { worth: unclaimed }), "written", docs, { count: 10 })],
    finds: [
      [
        "critical",
        "git (checkout) overwrote 10 files within seconds, the last below /home/kim/docs; it never did so before.",
      ],
    ],
  },
  {
    says: "git checkout",
    events: [file(running("/usr/bin/git checkout", bash), "written", docs, { count: 100 })],
    finds: [],
  },
  { says: "npm ci", events: [file(npm, "deleted", "/w/app/node_modules/a/b", { count: 100 })], finds: [] },
  { says: "one file after another", events: [file(python, "written", docs), file(python, "deleted", docs)], finds: [] },
  {
    says: "what is done every night is told on the first day alone",
    events: [0, 2880].map((at) => file(python, "written", docs, { count: 10, at: minutes(at) })),
    finds: [
      [
        "critical",
        "python3 (wipe.py) overwrote 10 files within seconds, the last below /home/kim/docs; it never did so before.",
      ],
    ],
  },
  {
    says: "a script that starts a short program for each file",
    events: [file(running("/usr/bin/openssl enc -in x", locker), "written", docs, { count: 20, spread: true })],
    finds: [
      [
        "critical",
        "bash (lock.sh) overwrote 20 files within seconds, the last below /home/kim/docs by openssl; it never did so before.",
      ],
    ],
  },
  {
    says: "a program that nothing claims lets others that are known do it",
    events: [
      file(running("/usr/bin/rm x", running("/tmp/x", bash, { worth: unclaimed })), "deleted", docs, {
        count: 20,
        spread: true,
      }),
    ],
    finds: [
      [
        "critical",
        "x (/tmp/x) removed 20 files within seconds, the last below /home/kim/docs by rm; it never did so before.",
      ],
    ],
  },
  {
    says: "a script that is called npm is no npm",
    events: [file(running("/usr/bin/python3 /w/npm", bash), "written", docs, { count: 20 })],
    finds: [
      [
        "critical",
        "python3 (/w/npm) overwrote 20 files within seconds, the last below /home/kim/docs; it never did so before.",
      ],
    ],
  },
  {
    says: "a script called ci, which the owner runs",
    events: [
      file(
        running("/usr/bin/node bundle.js", shell("node bundle.js", running("/usr/bin/node /usr/bin/npm run ci", bash))),
        "written",
        "/w/app/dist/a.js",
        { count: 30 },
      ),
    ],
    finds: [],
  },
  {
    says: "a script that removes many files with rm",
    events: [file(running("/usr/bin/rm x", locker), "deleted", docs, { count: 20, spread: true })],
    finds: [],
  },
];
