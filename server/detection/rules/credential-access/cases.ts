import { exec, file, minutes, running, shell, unclaimed } from "../case.ts";
import type { RuleCase } from "../case.ts";

const bash = running("/bin/bash");
const npm = running("/usr/bin/node /usr/bin/npm install", bash, { directory: "/home/kim/app" });
const place = { directory: "/home/kim/app/node_modules/nx" };
const hook = shell("node telemetry.js", npm, place);
const ssh = running("/usr/bin/ssh git@a.test", running("/usr/bin/git ls-remote ssh://git@a.test/x", npm));
const node = running("/usr/bin/node telemetry.js", hook, place);

export const cases: readonly RuleCase[] = [
  {
    says: "nx: an install hook asks the command line of a code host for its token",
    events: [exec(running("/usr/bin/gh auth token", node, place))],
    finds: [["high", `npm's installation of nx asked for credentials: "gh auth token".`]],
  },
  {
    says: "TanStack: an install hook reads a cloud's credentials",
    events: [file(node, "opened", "/home/kim/.aws/credentials")],
    finds: [["high", "npm's installation of nx opened /home/kim/.aws/credentials by node."]],
  },
  {
    says: "a program that nothing claims reads a key, and is told once",
    events: [
      file(running("/tmp/x", bash, { worth: unclaimed }), "opened", "/home/kim/.ssh/id_ed25519"),
      file(running("/tmp/x", bash, { worth: unclaimed }), "opened", "/home/kim/.ssh/id_ed25519", { at: minutes(9) }),
    ],
    finds: [["high", "x opened /home/kim/.ssh/id_ed25519 for the first time on this device."]],
  },
  {
    says: "ssh reads its own key, npm its own settings",
    events: [
      file(running("/usr/bin/ssh host", bash), "opened", "/home/kim/.ssh/id_ed25519"),
      file(npm, "opened", "/home/kim/.npmrc"),
    ],
    finds: [],
  },
  {
    says: "somebody asks for a token by hand",
    events: [exec(running("/usr/bin/gh auth token", bash))],
    finds: [],
  },
  {
    says: "a file that is no credential is opened",
    events: [file(node, "opened", "/home/kim/app/package.json")],
    finds: [],
  },
  {
    says: "npm itself is asked who is signed in, by a hook",
    events: [exec(running("/usr/bin/node /usr/bin/npm whoami", node, place))],
    finds: [["high", `npm's installation of nx asked for credentials: "node /usr/bin/npm whoami".`]],
  },
  {
    says: "a program that nothing claims and that calls itself ssh",
    events: [file(running("/tmp/ssh", bash, { worth: unclaimed }), "opened", "/home/kim/.ssh/id_ed25519")],
    finds: [["high", "ssh opened /home/kim/.ssh/id_ed25519 for the first time on this device."]],
  },
  {
    says: "a dependency comes from git over ssh: ssh reads the key, and that is no alarm",
    events: [file(ssh, "opened", "/home/kim/.ssh/id_ed25519")],
    finds: [["low", "npm's installation opened /home/kim/.ssh/id_ed25519 by ssh."]],
  },
  {
    says: "a hook reads the settings of the project it is installed in, and that is no alarm",
    events: [file(node, "opened", "/home/kim/app/.env")],
    finds: [["low", "npm's installation of nx opened /home/kim/app/.env by node."]],
  },
  {
    says: "a hook reads the settings of another project",
    events: [file(node, "opened", "/home/kim/shop/.env")],
    finds: [["high", "npm's installation of nx opened /home/kim/shop/.env by node."]],
  },
];
