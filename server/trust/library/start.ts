import type { Instant } from "@provost/shared/model/ids.ts";
import { openIssuers } from "../../machines/issuers.ts";
import { openMachines, type Machines } from "../../machines/machines.ts";
import type { Store } from "../../store/store.ts";
import { openFetch } from "../fetch.ts";
import { openUpstreams } from "../upstreams/index.ts";
import type { Wanted } from "../upstreams/upstream.ts";
import { openLibraryOver, type Library } from "./library.ts";
import { openPuller } from "./pull.ts";
import { startPullWork, type PullWork } from "./pull-work.ts";
import type { LibrarySettings } from "./settings.ts";
import { wantedOfPackage } from "./wanted.ts";

export interface RunningLibrary {
  readonly library: Library;
  readonly machines: Machines;
  readonly pulls: PullWork;
  close(): Promise<void>;
}

/** The evidence library with its door for machines and its pulls. */
export function startLibrary(
  store: Store,
  settings: LibrarySettings,
  now: () => Instant,
  log: (line: string) => void,
  answered: (wanted: Wanted) => void = () => undefined,
): RunningLibrary {
  const library = openLibraryOver(store.library, log);
  const fetch = openFetch();
  const privateFetch = openFetch({ allowPrivateArchives: true });
  const issuers = openIssuers(settings.issuers, { fetch, privateFetch });
  const puller = openPuller({
    store: store.pulls,
    library,
    upstreams: openUpstreams(settings.upstreams),
    fetch: settings.privateNetwork ? privateFetch : fetch,
    now,
    random: Math.random,
    answered,
  });
  const pulls = startPullWork({
    puller,
    note: () => puller.want(wantedNow(store, settings)),
    now,
    failed: (why) => log(`library: ${why}`),
  });
  pulls.wake();
  return {
    library,
    machines: openMachines({ store: store.machines, issuers, now, log }),
    pulls,
    async close() {
      await pulls.close();
      fetch.close();
      privateFetch.close();
    },
  };
}

/** Digests that are asked for at GitHub: each is a question of its own, and the hour has few. */
const digestsAsked = 500;

function wantedNow(store: Store, { upstreams }: LibrarySettings): readonly Wanted[] {
  const packages = upstreams.registries
    ? store.inventory.registryPackages().flatMap((one) => wantedOfPackage(one, upstreams) ?? [])
    : [];
  const digests =
    (upstreams.github?.attestations.length ?? 0) > 0 ? store.inventory.unclaimedDigests(digestsAsked) : [];
  return [...packages, ...digests.map((sha256): Wanted => ({ kind: "digest", sha256 }))];
}
