import { connection, running, shell, signed, unclaimed } from "../case.ts";
import type { RuleCase } from "../case.ts";

const bash = running("/bin/bash");
const npm = running("/usr/bin/node /usr/bin/npm ci", bash, { directory: "/w/app" });
const hook = shell("node bundle.js", npm, { directory: "/w/app/node_modules/ctrl" });
const node = running("/usr/bin/node bundle.js", hook, { directory: "/w/app/node_modules/ctrl", worth: signed });

export const cases: readonly RuleCase[] = [
  {
    says: "Shai-Hulud: a package's hook talks to somebody else than the registry",
    events: [connection(npm, "203.0.113.1", 443), connection(node, "198.51.100.7", 443)],
    finds: [["medium", "npm's installation of ctrl connected to 198.51.100.7:443 by node; the registry is elsewhere."]],
  },
  {
    says: "a program that nothing claims does so",
    events: [connection(running("/tmp/x", hook, { worth: unclaimed }), "198.51.100.7", 8080)],
    finds: [["high", "npm's installation of ctrl connected to 198.51.100.7:8080 by x; the registry is elsewhere."]],
  },
  {
    says: "a hook fetches from the registry that npm talked to",
    events: [connection(npm, "203.0.113.1", 443), connection(node, "203.0.113.1", 443)],
    finds: [],
  },
  {
    says: "the owner's own script talks to a server",
    events: [
      connection(
        running("/usr/bin/node server.js", shell("node server.js", running("/usr/bin/node /usr/bin/npm start", bash))),
        "198.51.100.7",
        443,
      ),
    ],
    finds: [],
  },
  {
    says: "a maintainer script of Debian talks to somebody",
    events: [
      connection(
        running("/usr/bin/curl https://a.test", shell("postinst", running("/usr/bin/dpkg --configure -a"))),
        "198.51.100.7",
        443,
      ),
    ],
    finds: [],
  },
  {
    says: "a hook starts the owner's scripts below itself",
    events: [
      connection(
        running("/usr/bin/curl a", shell("curl a", running("/usr/bin/node /usr/bin/npm run ci", hook))),
        "198.51.100.7",
        443,
      ),
    ],
    finds: [["medium", "npm's installation of ctrl connected to 198.51.100.7:443 by curl; the registry is elsewhere."]],
  },
  {
    says: "a script called ci, which the owner runs",
    events: [
      connection(
        running("/usr/bin/curl a", shell("curl a", running("/usr/bin/node /usr/bin/npm run ci", bash))),
        "198.51.100.7",
        443,
      ),
    ],
    finds: [],
  },
  {
    says: "a tool that was started with npx runs the owner's scripts",
    events: [
      connection(
        running(
          "/usr/bin/node server.js",
          running("/usr/bin/node /usr/bin/npm run dev", running("/usr/bin/node /usr/bin/npx turbo", bash)),
        ),
        "198.51.100.7",
        443,
      ),
    ],
    finds: [],
  },
];
