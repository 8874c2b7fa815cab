import { openTerminal } from "../../agent/commands/terminal.ts";
import { run, type Verbs } from "../../agent/commands/program.ts";
import { attest } from "../../agent/commands/attest.ts";
import { labRun } from "../../agent/commands/lab.ts";
import { auditExport, auditVerify } from "../../agent/commands/audit.ts";
import { configCheck } from "../../agent/commands/config-check.ts";
import { enrol } from "../../agent/commands/enrol.ts";
import { inventory } from "../../agent/commands/inventory.ts";
import { quarantineList, quarantineRestore } from "../../agent/commands/quarantine.ts";
import { policyCheck, policyTest } from "../../agent/commands/policy.ts";
import { sbom } from "../../agent/commands/sbom.ts";
import { scan } from "../../agent/commands/scan.ts";
import { signBundle } from "../../agent/commands/sign-bundle.ts";
import { status } from "../../agent/commands/status.ts";
import { approve, requestApproval } from "../../agent/commands/approvals.ts";
import { doctor } from "../../agent/commands/doctor.ts";
import { stopAgent } from "../../agent/commands/stop.ts";
import { verifyBundle } from "../../agent/commands/verify-bundle.ts";
import { verify } from "../../agent/commands/verify.ts";
import { why } from "../../agent/commands/why.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const verbs: Verbs = {
  status,
  inventory,
  scan,
  verify,
  why,
  sbom,
  verifyBundle,
  signBundle,
  attest,
  policyCheck,
  policyTest,
  enrol,
  configCheck: async (...asked) => configCheck(...asked),
  labRun: async (...asked) => labRun(...asked),
  doctor,
  requestApproval,
  approve,
  stopAgent,
  quarantineList: async (...asked) => quarantineList(...asked),
  quarantineRestore,
  auditExport: async (...asked) => auditExport(...asked),
  auditVerify: async (...asked) => auditVerify(...asked),
};

/** The command line in this process: arguments in, exit code and both streams out. */
export async function runProvost(
  args: readonly string[],
  world: { readonly cwd: string; readonly env?: Readonly<Record<string, string>>; readonly now?: () => number },
): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await run(args, verbs, {
    terminal: openTerminal({ write: (text) => out.push(text) }, { write: (text) => err.push(text) }, {}),
    cwd: world.cwd,
    env: world.env ?? {},
    now: world.now ?? Date.now,
    stop: new AbortController().signal,
  });
  return { code, out: out.join(""), err: err.join("") };
}
