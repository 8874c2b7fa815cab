import type { Edge } from "../edge/socket.ts";
import type { Machines } from "../machines/machines.ts";
import type { Store } from "../store/store.ts";
import type { Derivation } from "../trust/derive.ts";
import type { Library } from "../trust/library/library.ts";
import type { ProofDesk } from "../trust/desk.ts";
import type { Trusted } from "../trust/trusted.ts";
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
  readonly edge: () => Edge;
  /** The console's built files. */
  readonly consoleFolder: string;
  /** Host names this server answers under. */
  readonly hosts: ReadonlySet<string>;
  /** "http://127.0.0.1:4680", for links and the line to paste. */
  readonly address: () => string;
  now(): number;
  log(line: string): void;
}
