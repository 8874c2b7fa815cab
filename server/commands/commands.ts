import { backup, restore } from "./backup.ts";
import type { Command } from "./command.ts";
import { configCheck } from "./config-check.ts";
import { rules } from "./rules.ts";
import { sessions } from "./sessions.ts";
import { signInLink } from "./sign-in.ts";
import { triage } from "./triage.ts";

export const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["config", configCheck],
  ["sign-in", signInLink],
  ["backup", backup],
  ["restore", restore],
  ["rules", rules],
  ["triage", triage],
  ["sessions", sessions],
]);

export const usage = `provost-server [--setting=value]...   serves until a signal; docs/operate/settings.md lists the settings

  provost-server config check [--json]   read the settings, say where each comes from and what is wrong
  provost-server sign-in                 a link that signs the owner in once, for a server that runs
                                         --role analyst|auditor|owner --name NAME: for somebody else
  provost-server sessions [--end ID]     who is signed in to the console, and the end of one of them; --json
  provost-server backup FILE             everything that matters, in one file, also while the server runs
  provost-server restore FILE            into an empty data folder, with the server stopped
  provost-server triage ORDER FILE       what a device collected for that order, checked against its digest
  provost-server rules lint FOLDER...    which Sigma rules cannot be used or can never fire; --json, --strict

Exit codes: 0 as wanted, 1 failed, 2 usage or settings.
`;
