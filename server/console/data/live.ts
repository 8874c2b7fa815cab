import {
  backoff,
  counted,
  liveEventFrom,
  noCounters,
  withGap,
  type Counters,
  type LiveEvent,
} from "./live-counters.ts";

export interface LiveView {
  readonly state: "connecting" | "live" | "reconnecting";
  readonly counters: Counters;
}

/** The live stream as something a page can watch. */
export interface Live {
  readonly view: () => LiveView;
  /** Called after each change of the view, with the event if one caused it. Returns how to stop. */
  readonly watch: (told: (event?: LiveEvent) => void) => () => void;
  readonly close: () => void;
}

/** What `EventSource` offers and this file needs. */
export interface Stream {
  addEventListener(on: "open" | "error", act: () => void): void;
  addEventListener(on: "message", act: (message: { readonly data: unknown }) => void): void;
  close(): void;
}

export interface LiveParts {
  readonly open: () => Stream;
  /** Runs `act` after a pause; returns how to call it off. */
  readonly later: (pauseMs: number, act: () => void) => () => void;
  readonly random: () => number;
}

/** Keeps one stream open: closed on error, opened again after a growing pause, and a break is counted as a gap. */
export function openLive(parts: LiveParts): Live {
  let view: LiveView = { state: "connecting", counters: noCounters };
  const told = new Set<(event?: LiveEvent) => void>();
  const show = (next: LiveView, event?: LiveEvent): void => {
    view = next;
    for (const tell of told) tell(event);
  };
  const closeStream = keepOpen(parts, {
    up: () => show({ ...view, state: "live" }),
    down: (wasUp) => show({ state: "reconnecting", counters: wasUp ? withGap(view.counters) : view.counters }),
    event: (event) => show({ ...view, counters: counted(view.counters, event) }, event),
  });
  return {
    view: () => view,
    watch: (tell) => {
      told.add(tell);
      return () => told.delete(tell);
    },
    close: closeStream,
  };
}

interface Heard {
  readonly up: () => void;
  readonly down: (wasUp: boolean) => void;
  readonly event: (event: LiveEvent) => void;
}

function keepOpen({ open, later, random }: LiveParts, heard: Heard): () => void {
  let attempt = 0;
  let stop: () => void = () => undefined;
  const connect = (): void => {
    const stream = open();
    let up = false;
    stop = () => stream.close();
    stream.addEventListener("open", () => {
      up = true;
      attempt = 0;
      heard.up();
    });
    stream.addEventListener("message", ({ data }) => {
      const event = typeof data === "string" ? liveEventFrom(data) : undefined;
      if (event !== undefined) heard.event(event);
    });
    stream.addEventListener("error", () => {
      // EventSource gives up for good on an HTTP error and retries others at its own pace; one rule for both is ours.
      stream.close();
      heard.down(up);
      stop = later(backoff(attempt, 0.5 + random() / 2), connect);
      attempt += 1;
    });
  };
  connect();
  return () => stop();
}
