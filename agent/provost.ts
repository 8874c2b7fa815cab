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

void main();

async function main(): Promise<void> {
  process.exitCode = await run(
    process.argv.slice(2),
    {
      status,
      inventory,
      scan,
      verify,
      why,
      sbom,
      // The engine and the libraries for signing are loaded by whoever needs them.
      verifyBundle: async (...asked) => (await import("./commands/verify-bundle.ts")).verifyBundle(...asked),
      signBundle: async (...asked) => (await import("./commands/sign-bundle.ts")).signBundle(...asked),
      attest: async (...asked) => (await import("./commands/attest.ts")).attest(...asked),
      policyCheck: async (...asked) => (await import("./commands/policy.ts")).policyCheck(...asked),
      enrol: async (...asked) => (await import("./commands/enrol.ts")).enrol(...asked),
      configCheck: async (...asked) => (await import("./commands/config-check.ts")).configCheck(...asked),
      labRun: async (...asked) => (await import("./commands/lab.ts")).labRun(...asked),
      doctor: async (...asked) => (await import("./commands/doctor.ts")).doctor(...asked),
      requestApproval: async (...asked) => (await import("./commands/approvals.ts")).requestApproval(...asked),
      approve: async (...asked) => (await import("./commands/approvals.ts")).approve(...asked),
      quarantineList: async (...asked) => (await import("./commands/quarantine.ts")).quarantineList(...asked),
      quarantineRestore: async (...asked) => (await import("./commands/quarantine.ts")).quarantineRestore(...asked),
      auditExport: async (...asked) => (await import("./commands/audit.ts")).auditExport(...asked),
      auditVerify: async (...asked) => (await import("./commands/audit.ts")).auditVerify(...asked),
      stopAgent: async (...asked) => (await import("./commands/stop.ts")).stopAgent(...asked),
      policyTest: async (...asked) => (await import("./commands/policy.ts")).policyTest(...asked),
    },
    {
      terminal: openTerminal(process.stdout, process.stderr, process.env),
      cwd: process.cwd(),
      env: process.env,
      now: Date.now,
      stop: stop.signal,
    },
  );
}
