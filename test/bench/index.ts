import * as agent from "./agent.ts";
import * as console from "./console.ts";
import * as detect from "./detect.ts";
import * as footprint from "./footprint.ts";
import * as gate from "./gate.ts";
import * as hash from "./hash.ts";
import * as indicators from "./indicators.ts";
import * as library from "./library.ts";
import * as manifests from "./manifests.ts";
import type { Bench } from "./result.ts";
import * as rejudge from "./rejudge.ts";
import * as respond from "./respond.ts";
import * as start from "./start.ts";
import * as verify from "./verify.ts";

/** Every bench, by the name it is asked for. A new one is a file beside this and a line here. */
export const benches: Readonly<Record<string, { readonly about: string; readonly run: Bench }>> = {
  agent: { about: "the agent's memory and processor time at rest and while it scans", run: agent.run },
  console: { about: "the Overview page: what it loads, how soon it answers, how lists scroll", run: console.run },
  detect: { about: "program starts through every Sigma rule, on one core", run: detect.run },
  footprint: { about: "what an installed device carries at rest: sensor and agent, over TLS", run: footprint.run },
  gate: {
    about: "what the gate costs an exec beside fanotify and fapolicyd; first execs, storms, races, builds",
    run: gate.run,
  },
  hash: { about: "hashing and judging executables beside sha256sum; a second pass that hashes nothing", run: hash.run },
  indicators: { about: "a list of five million indicators, read in the server's process", run: indicators.run },
  library: { about: "a digest answered from the evidence library's index of 10 million documents", run: library.run },
  manifests: { about: "Debian manifests derived from packages that are already local", run: manifests.run },
  rejudge: { about: "a new document, and a revocation, judged again on 10,000 devices", run: rejudge.run },
  respond: {
    about:
      "from an exec to its incident, stored and on screen, from an incident to the tree's end, from a block to the first refusal",
    run: respond.run,
  },
  start: { about: "a second start of the product, until its console answers with data", run: start.run },
  verify: {
    about: "Sigstore bundles beside @sigstore/verify, by kind, and the ceiling that the signatures set",
    run: verify.run,
  },
};
