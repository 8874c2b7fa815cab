#!/usr/bin/env node
/** The command line. It reads the agent's state and this disk, and needs neither the daemon nor a server. */
import { run } from "./commands/program.ts";
import { inventory } from "./commands/inventory.ts";
import { sbom } from "./commands/sbom.ts";
import { scan } from "./commands/scan.ts";
import { status } from "./commands/status.ts";
import { openTerminal } from "./commands/terminal.ts";
import { verify } from "./commands/verify.ts";
import { why } from "./commands/why.ts";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
// A reader that has seen enough (`provost inventory | head`) is no fault of ours.
process.stdout.on("error", (cause: NodeJS.ErrnoException) => process.exit(cause.code === "EPIPE" ? 0 : 7));

process.exitCode = await run(
  process.argv.slice(2),
  { status, inventory, scan, verify, why, sbom },
  {
    terminal: openTerminal(process.stdout, process.stderr, process.env),
    cwd: process.cwd(),
    env: process.env,
    now: Date.now,
    stop: stop.signal,
  },
);
