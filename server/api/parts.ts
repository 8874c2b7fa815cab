import type { Audit } from "../audit/audit.ts";
import type { ChainState } from "../audit/check.ts";
import type { Packages } from "../install/packages.ts";
import type { Edge } from "../edge/socket.ts";
import type { Machines } from "../machines/machines.ts";
import type { Store } from "../store/store.ts";
import type { Derivation } from "../trust/derive.ts";
import type { Library } from "../trust/library/library.ts";
import type { ProofDesk } from "../trust/desk.ts";
import type { Trusted } from "../trust/trusted.ts";
import type { Incidents } from "../incidents/incidents.ts";
import type { Response } from "../response/issue.ts";
import type { Policies } from "../policies/policies.ts";
import type { LiveFeed } from "./live.ts";

/** What the handlers work with. */
export interface Parts {
  readonly store: Store;
  readonly desk: ProofDesk;
  readonly trusted: Trusted;
  readonly derivation: Derivation;
  readonly live: LiveFeed;
  readonly library: Library;
  readonly machines: Machines;
  readonly response: Response;
  readonly incidents: Incidents;
  readonly policies: Policies;
  readonly audit: Audit;
  readonly checkChain: () => Promise<ChainState>;
  readonly edge: () => Edge;
  /** The console's built files. */
  readonly consoleFolder: string;
  /** Host names this server answers under. */
  readonly hosts: ReadonlySet<string>;
  /** "http://127.0.0.1:4680", for links and the line to paste. */
  readonly address: () => string;
  /** Agent packages that devices which are added may fetch. */
  readonly packages: Packages;
  /** Of the certificate that is shown, as curl's --pinnedpubkey takes it. */
  readonly publicKeyPin: () => string | undefined;
  now(): number;
  log(line: string): void;
}
