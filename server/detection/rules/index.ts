import { credentialAccess } from "./credential-access/rule.ts";
import { daemonShell } from "./daemon-shell/rule.ts";
import { dropAndExecute } from "./drop-and-execute/rule.ts";
import { installHook } from "./install-hook/rule.ts";
import { installHookNetwork } from "./install-hook-network/rule.ts";
import { massChange } from "./mass-change/rule.ts";
import { packageDrift } from "./package-drift/rule.ts";
import { persistenceWrite } from "./persistence-write/rule.ts";
import { pipedDownload } from "./piped-download/rule.ts";
import { provenanceChange } from "./provenance-change/rule.ts";
import type { ReducerRule } from "./rule.ts";
import { unnamedCode } from "./unnamed-code/rule.ts";

/** Rules with a memory, each in a folder of its own. */
export const reducerRules: readonly ReducerRule[] = [
  dropAndExecute,
  pipedDownload,
  installHookNetwork,
  credentialAccess,
  daemonShell,
  unnamedCode,
  persistenceWrite,
  massChange,
  packageDrift,
  provenanceChange,
  installHook,
];
