import { safeText } from "@provost/shared/lib/path-text.ts";
import { instant, type Instant } from "@provost/shared/model/ids.ts";
import type { Fetch } from "../fetch.ts";
import { nameOf, NotNow, upstreamLimits, wantedOf, type Upstream, type Wanted } from "../upstreams/upstream.ts";
import { openAsk } from "./ask.ts";
import type { Library, Outcome } from "./library.ts";
import type { PullSettled, PullStore } from "./pull-store.ts";

export interface PullParts {
  readonly store: PullStore;
  readonly library: Library;
  readonly upstreams: readonly Upstream[];
  readonly fetch: Fetch;
  readonly now: () => Instant;
  readonly random: () => number;
  /** An upstream has answered, with something or with nothing. */
  readonly answered?: (wanted: Wanted) => void;
}

export interface PullOptions {
  readonly parallelism: number;
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /** So many pulls in a row that could not be answered, and the upstream is left alone for a while. */
  readonly faultsInARow: number;
}

export const pullDefaults: PullOptions = {
  parallelism: 4,
  retryMs: 5 * 60_000,
  maxRetryMs: 24 * 60 * 60_000,
  faultsInARow: 3,
};

export interface Puller {
  /** Remembers what may be found elsewhere; what was asked before is asked again only when it is due. */
  want(wanted: readonly Wanted[]): void;
  /** Works until nothing is due. A stop loses at most the pulls in hand; the next run takes them up again. */
  run(signal: AbortSignal): Promise<void>;
  nextDueAt(): Instant | undefined;
}

export function openPuller(parts: PullParts, overrides: Partial<PullOptions> = {}): Puller {
  const options = { ...pullDefaults, ...overrides };
  const { store, upstreams } = parts;
  const resting = new Map<string, Rest>();
  const inHand = new Set<string>();

  const restOf = ({ id }: Upstream): Rest => resting.get(id) ?? { faults: 0, until: 0 };

  /** One of another upstream each time, so that a slow one does not keep the others waiting. */
  const take = (offset: number): { upstream: Upstream; wanted: string; attempts: number } | undefined => {
    for (let at = 0; at < upstreams.length; at += 1) {
      const upstream = upstreams[(at + offset) % upstreams.length];
      if (upstream === undefined || restOf(upstream).until > parts.now()) continue;
      const next = store
        .duePulls(upstream.id, parts.now(), inHand.size + 1)
        .find(({ wanted }) => !inHand.has(`${upstream.id} ${wanted}`));
      if (next !== undefined) return { upstream, ...next };
    }
    return undefined;
  };

  const work = async (worker: number, signal: AbortSignal): Promise<void> => {
    for (let turn = worker; !signal.aborted; turn += 1) {
      const next = take(turn);
      if (next === undefined) return;
      const { upstream, wanted, attempts } = next;
      const name = `${upstream.id} ${wanted}`;
      inHand.add(name);
      try {
        await pullOne(upstream, wanted, attempts, signal);
      } finally {
        inHand.delete(name);
      }
    }
  };

  const pullOne = async (upstream: Upstream, name: string, attempts: number, signal: AbortSignal): Promise<void> => {
    const wanted = wantedOf(name);
    const asking = openAsk(parts.fetch, (url) => store.etagOf(url), signal);
    const taken: Outcome[] = [];
    try {
      if (wanted !== undefined && upstream.knows(wanted))
        for await (const { bytes, name: title, subject } of upstream.pull(wanted, asking.ask)) {
          const document = { bytes, name: title, ...(subject === undefined ? {} : { subject }) };
          // Stored before the next one is asked for.
          taken.push(...parts.library.take([document], `upstream ${upstream.id}`, parts.now()));
          if (taken.length >= upstreamLimits.documents) break;
        }
      if (signal.aborted) return;
      resting.delete(upstream.id);
      settle(upstream, name, { ...said(taken), attempts: 0 }, asking.etags());
      if (wanted !== undefined) parts.answered?.(wanted);
    } catch (cause) {
      // What was broken off by a stop says nothing about the upstream.
      if (signal.aborted) return;
      const fault = cause instanceof NotNow ? cause : new NotNow(reasonOf(cause));
      rest(upstream, fault);
      settle(
        upstream,
        name,
        { state: "failed", says: safeText(fault.message).slice(0, 500), attempts: attempts + 1 },
        [],
      );
    }
  };

  const settle = (
    { id, refreshMs }: Upstream,
    wanted: string,
    settled: Omit<PullSettled, "dueAt">,
    etags: readonly (readonly [string, string])[],
  ): void => {
    const wait = settled.state === "failed" ? Math.min(backoff(settled.attempts), options.maxRetryMs) : refreshMs;
    const jittered = wait * (0.75 + parts.random() / 2);
    store.settlePull(id, wanted, { ...settled, dueAt: instant(Math.round(parts.now() + jittered)) }, etags);
  };

  const backoff = (attempts: number): number => options.retryMs * 2 ** Math.min(attempts, 20);

  const rest = (upstream: Upstream, { final, retryAfterMs }: NotNow): void => {
    if (final) return;
    const faults = restOf(upstream).faults + 1;
    const tired = faults >= options.faultsInARow;
    const pause = retryAfterMs ?? (tired ? Math.min(backoff(faults - options.faultsInARow), options.maxRetryMs) : 0);
    resting.set(upstream.id, { faults, until: parts.now() + pause });
  };

  return {
    want(wanted) {
      for (const upstream of upstreams) {
        const names = [...upstream.sources, ...wanted].filter((one) => upstream.knows(one)).map(nameOf);
        store.wantPulls(upstream.id, names, parts.now());
      }
    },
    async run(signal) {
      await Promise.all(Array.from({ length: options.parallelism }, (_, worker) => work(worker, signal)));
    },
    nextDueAt() {
      const times = upstreams.flatMap((upstream) => {
        const due = store.nextPullAt([upstream.id]);
        return due === undefined ? [] : [Math.max(due, restOf(upstream).until)];
      });
      return times.length === 0 ? undefined : instant(Math.min(...times));
    },
  };
}

/** What was found, and what of it was no document after all: kept with the question, for whoever asks why. */
function said(taken: readonly Outcome[]): Pick<PullSettled, "state" | "says"> {
  const refused = taken.flatMap((one) => (one.outcome === "refused" ? [one.why] : []));
  const kept = taken.length - refused.length;
  const [why] = refused;
  const says = why === undefined ? `${kept} documents` : `${kept} documents, ${refused.length} refused: ${why}`;
  return { state: kept > 0 ? "found" : "nothing", says: says.slice(0, 500) };
}

interface Rest {
  readonly faults: number;
  readonly until: number;
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
