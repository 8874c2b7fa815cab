import { exec, file, minutes, running, shell } from "../case.ts";
import type { RuleCase } from "../case.ts";

const bash = running("/bin/bash");
const npm = running("/usr/bin/node /usr/bin/npm install", bash, { directory: "/w/app" });
const hook = shell("node install.js", npm, { directory: "/w/app/node_modules/eslint-config-prettier" });

export const cases: readonly RuleCase[] = [
  {
    says: "eslint-config-prettier: a hook of a package that also brings a program for another system",
    events: [
      file(npm, "created", "/w/app/node_modules/eslint-config-prettier/node-gyp.dll"),
      exec(hook, { at: minutes(1) }),
    ],
    finds: [
      [
        "medium",
        `npm's installation of eslint-config-prettier ran an install hook that was never seen here: "node install.js"; the package also brought a program for another system, /w/app/node_modules/eslint-config-prettier/node-gyp.dll.`,
      ],
    ],
  },
  {
    says: "the hook is told first, and then what the package brought",
    events: [
      exec(hook),
      file(npm, "created", "/w/app/node_modules/eslint-config-prettier/node-gyp.dll", { at: minutes(1) }),
    ],
    finds: [
      [
        "low",
        `npm's installation of eslint-config-prettier ran an install hook that was never seen here: "node install.js".`,
      ],
      [
        "medium",
        `npm's installation of eslint-config-prettier ran an install hook that was never seen here: "node install.js"; the package also brought a program for another system, /w/app/node_modules/eslint-config-prettier/node-gyp.dll.`,
      ],
    ],
  },
  {
    says: "a hook that is new on this device, told once",
    events: [exec(hook), exec(hook, { at: minutes(5) })],
    finds: [
      [
        "low",
        `npm's installation of eslint-config-prettier ran an install hook that was never seen here: "node install.js".`,
      ],
    ],
  },
  {
    says: "the owner's own script",
    events: [exec(shell("vitest run", running("/usr/bin/node /usr/bin/npm test", bash, { directory: "/w/app" })))],
    finds: [],
  },
  {
    says: "the project's own hook",
    events: [exec(shell("husky", npm, { directory: "/w/app" }))],
    finds: [],
  },
  {
    says: "a script called ci, which the owner runs",
    events: [
      exec(
        shell("node x.js", running("/usr/bin/node /usr/bin/npm run ci", bash), {
          directory: "/w/app/node_modules/eslint-config-prettier",
        }),
      ),
    ],
    finds: [],
  },
];
