import { file, running, shell, unclaimed } from "../case.ts";
import type { RuleCase } from "../case.ts";

const bash = running("/bin/bash", undefined, { loginUid: 1000 });
const npm = running("/usr/bin/node /usr/bin/npm install", bash);
const place = { directory: "/w/app/node_modules/router" };
const node = running("/usr/bin/node router_init.js", shell("node router_init.js", npm, place), place);

export const cases: readonly RuleCase[] = [
  {
    says: "TanStack: an install hook makes a service that watches",
    events: [file(node, "created", "/home/kim/.config/systemd/user/gh-token-monitor.service")],
    finds: [
      [
        "high",
        "npm's installation of router by node wrote /home/kim/.config/systemd/user/gh-token-monitor.service, which starts by itself later.",
      ],
    ],
  },
  {
    says: "Shai-Hulud: a program that nothing claims writes a workflow",
    events: [file(running("/tmp/x", bash, { worth: unclaimed }), "created", "/w/app/.github/workflows/shai-hulud.yml")],
    finds: [["high", "x wrote /w/app/.github/workflows/shai-hulud.yml, which starts by itself later."]],
  },
  {
    says: "somebody edits a shell's start file",
    events: [file(running("/usr/bin/vim .bashrc", bash), "written", "/home/kim/.bashrc")],
    finds: [["low", "vim wrote /home/kim/.bashrc, which starts by itself later."]],
  },
  {
    says: "systemctl enables a service",
    events: [file(running("/usr/bin/systemctl enable a", bash), "created", "/etc/systemd/system/a.service")],
    finds: [],
  },
  {
    says: "a package brings its service",
    events: [file(running("/usr/bin/dpkg --unpack a.deb"), "created", "/lib/systemd/system/a.service")],
    finds: [],
  },
  {
    says: "a service's file is removed",
    events: [file(running("/usr/bin/rm a.service", bash), "deleted", "/etc/systemd/system/a.service")],
    finds: [],
  },
  {
    says: "a program that nothing claims and that calls itself systemctl",
    events: [file(running("/tmp/systemctl", bash, { worth: unclaimed }), "created", "/etc/systemd/system/a.service")],
    finds: [["high", "systemctl wrote /etc/systemd/system/a.service, which starts by itself later."]],
  },
  {
    says: "a hook of a package does so by a script of its own that is called npm",
    events: [file(running("/usr/bin/node ./npm", node, place), "created", "/home/kim/.bashrc")],
    finds: [["high", "npm's installation of router by node wrote /home/kim/.bashrc, which starts by itself later."]],
  },
];
