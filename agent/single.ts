/** The single executable `provost`: the command line, and with `daemon` the agent itself. A pass, and what else the agent starts, is this same file once more. */
const [first, ...rest] = process.argv.slice(2);
const isStarted = (name: string): boolean =>
  process.send !== undefined && process.argv.some((word) => word.endsWith(`/${name}`));

if (isStarted("scan.js")) void import("./inventory/scan.ts");
else if (isStarted("look.js")) void import("./gate/look.ts");
else if (isStarted("triage.js")) void import("./triage/collect.ts");
else if (isStarted("notify.js")) void import("./gate/notify.ts");
else if (first === "daemon" && rest.length === 0) {
  // The daemon's file looks whether it is the program that was started.
  process.argv[1] = process.execPath;
  void import("./main.ts");
} else void import("./provost.ts");
