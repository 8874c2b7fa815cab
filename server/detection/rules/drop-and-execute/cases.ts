import { by, exec, minutes, recorded, running, shell, unclaimed } from "../case.ts";
import type { RuleCase } from "../case.ts";

const bash = running("/bin/bash");
const npm = running("/usr/bin/node /usr/bin/npm install", bash, { directory: "/w/app" });
const hook = shell("sh preinstall.sh", npm, { directory: "/w/app/node_modules/ua-parser-js" });
const curl = running("/usr/bin/curl -o jsextension https://a.test/x", hook, { pid: 300 });
const dropped = running("/w/app/node_modules/ua-parser-js/jsextension", hook, { worth: unclaimed });
const nested = running("/usr/bin/node /usr/bin/npm run build", hook);
const ci = running("/usr/bin/node /usr/bin/npm run ci", bash);
const forger = running("/tmp/gcc x.c", bash, { pid: 400, worth: unclaimed });
const gcc = running("/usr/bin/cc1 conftest.c", hook, { pid: 301 });

export const cases: readonly RuleCase[] = [
  {
    says: "ua-parser-js: an install hook downloads a program and starts it",
    events: [exec(hook), exec(curl), exec(dropped, by(curl))],
    finds: [
      [
        "critical",
        "A descendant of the package manager dropped and ran a file that nothing claims: npm's installation of ua-parser-js wrote /w/app/node_modules/ua-parser-js/jsextension (by curl) and started it.",
      ],
    ],
  },
  {
    says: "ultralytics: a library writes a program when it is imported, and starts it",
    events: [
      exec(
        running("/tmp/ultralytics_runner", running("/usr/bin/python3 train.py", bash), { worth: unclaimed }),
        by(running("/usr/bin/python3 train.py", bash)),
      ),
    ],
    finds: [
      [
        "medium",
        "/tmp/ultralytics_runner, which nothing claims, was written by python3 and started by python3 within 1 s.",
      ],
    ],
  },
  {
    says: "somebody downloads a program and starts it",
    events: [
      exec(running("/tmp/x", bash, { worth: unclaimed }), {
        ...by(running("/usr/bin/curl -o /tmp/x https://a.test", bash)),
        at: minutes(1),
      }),
    ],
    finds: [["high", "/tmp/x, which nothing claims, was downloaded by curl and started by bash within 60 s."]],
  },
  {
    says: "node-gyp compiles a test program and runs it",
    events: [
      exec(
        running("/w/app/node_modules/sharp/conftest", hook, { worth: unclaimed }),
        by(running("/usr/bin/ld -o conftest", gcc)),
      ),
    ],
    finds: [],
  },
  {
    says: "a program that was built yesterday is started",
    events: [exec(running("/w/tool", bash, { worth: unclaimed }), { ...by(curl), at: minutes(600) })],
    finds: [],
  },
  {
    says: "a program of a package is unpacked and started",
    events: [exec(running("/usr/bin/jq", bash, { worth: recorded }), by(running("/usr/bin/dpkg --unpack jq.deb")))],
    finds: [],
  },
  {
    says: "who wrote it calls itself a compiler, and nothing claims that one",
    events: [exec(forger), exec(running("/w/x", bash, { worth: unclaimed }), by(forger))],
    finds: [["medium", "/w/x, which nothing claims, was written by gcc and started by bash within 1 s."]],
  },
  {
    says: "a hook starts the owner's scripts below itself",
    events: [exec(running("/tmp/x", shell("/tmp/x", nested), { worth: unclaimed }), by(curl))],
    finds: [
      [
        "critical",
        "A descendant of the package manager dropped and ran a file that nothing claims: npm's installation of ua-parser-js wrote /tmp/x (by curl) and started it.",
      ],
    ],
  },
  {
    says: "a hook runs a script of its own that is called npm",
    events: [exec(running("/tmp/x", running("/usr/bin/node ./npm", hook), { worth: unclaimed }), by(curl))],
    finds: [
      [
        "critical",
        "A descendant of the package manager dropped and ran a file that nothing claims: npm's installation of ua-parser-js wrote /tmp/x (by curl) and started it.",
      ],
    ],
  },
  {
    says: "a program that nothing claims and that calls itself apt",
    events: [
      exec(running("/tmp/x", running("/tmp/apt", bash, { worth: unclaimed }), { worth: unclaimed }), {
        writtenBy: { pid: 1, startedAt: "1", executable: "/tmp/apt", at: minutes(0) },
      }),
    ],
    finds: [["medium", "/tmp/x, which nothing claims, was written by apt and started by apt within 1 s."]],
  },
  {
    says: "a program that npm only has as an argument",
    events: [exec(running("/tmp/x npm", running("/usr/bin/tar /usr/bin/npm", bash), { worth: unclaimed }), by(curl))],
    finds: [["high", "/tmp/x, which nothing claims, was downloaded by curl and started by tar within 1 s."]],
  },
  {
    says: "a program that the owner built is started by a script called ci",
    events: [
      exec(running("/w/app/tool", shell("./tool", ci), { worth: unclaimed }), by(running("/usr/bin/node build.js"))),
    ],
    finds: [],
  },
];
