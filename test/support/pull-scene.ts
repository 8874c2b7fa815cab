import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instant } from "../../shared/model/ids.ts";
import { sqliteStore } from "../../server/store/index.ts";
import type { Store } from "../../server/store/store.ts";
import { openFetch } from "../../server/trust/fetch.ts";
import { openLibraryOver, type Library } from "../../server/trust/library/library.ts";
import { openPuller, type PullOptions, type Puller } from "../../server/trust/library/pull.ts";
import type { Upstream, Wanted } from "../../server/trust/upstreams/upstream.ts";

export interface PullScene {
  readonly store: Store;
  readonly library: Library;
  /** Moves the clock. */
  later(milliseconds: number): void;
  puller(upstreams: readonly Upstream[], options?: Partial<PullOptions>, answered?: (wanted: Wanted) => void): Puller;
  /** Everything the library holds, as text, in the order it came. */
  held(): readonly string[];
  close(): void;
}

/** A real library and queue over a folder of its own; what it fetches may lie on loopback. */
export function openPullScene(): PullScene {
  const folder = mkdtempSync(join(tmpdir(), "provost-pulls-"));
  const store = sqliteStore(folder);
  const fetch = openFetch({ allowPrivateArchives: true, attempts: 2, backoffMilliseconds: 1 });
  const library = openLibraryOver(store.library, () => undefined);
  let now = 1_000_000;
  return {
    store,
    library,
    later: (milliseconds) => void (now += milliseconds),
    puller: (upstreams, options = {}, answered = () => undefined) =>
      openPuller(
        { store: store.pulls, library, upstreams, fetch, now: () => instant(now), random: () => 0.5, answered },
        options,
      ),
    held: () =>
      store.library
        .each(0, 1000)
        .map(({ sha256 }) => Buffer.from(store.library.document(sha256)?.bytes ?? []).toString()),
    close() {
      fetch.close();
      store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
