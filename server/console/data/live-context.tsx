import { createContext, use, useEffect, useSyncExternalStore } from "react";
import { since, type Counters, type LiveEvent, type Topic } from "./live-counters.ts";
import type { Live, LiveView } from "./live.ts";

const LiveContext = createContext<Live | undefined>(undefined);
export const LiveProvider = LiveContext.Provider;

export function useLive(): Live {
  const live = use(LiveContext);
  if (live === undefined) throw new Error("a page was drawn outside the live stream's provider");
  return live;
}

export function useLiveView(): LiveView {
  const live = useLive();
  return useSyncExternalStore(live.watch, live.view);
}

/** What is new since a list was loaded. */
export function useNews(mark: Counters | undefined, topic: Topic, device?: string): ReturnType<typeof since> {
  const { counters } = useLiveView();
  return mark === undefined ? { changed: 0, missed: false } : since(counters, mark, topic, device);
}

/** Calls `act` at most once per `pauseMs` while events of these topics arrive, and once after a reconnection. */
export function useLiveRefresh(topics: readonly Topic[], pauseMs: number, act: () => void, device?: string): void {
  const live = useLive();
  const wanted = topics.join(",");
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gaps = live.view().counters.gaps;
    const concerns = (event: LiveEvent | undefined): boolean => {
      const { state, counters } = live.view();
      if (event === undefined) return state === "live" && counters.gaps > gaps;
      return wanted.split(",").includes(event.topic) && (device === undefined || event.device === device);
    };
    const stop = live.watch((event) => {
      if (timer !== undefined || !concerns(event)) return;
      gaps = live.view().counters.gaps;
      timer = setTimeout(() => {
        timer = undefined;
        act();
      }, pauseMs);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [live, wanted, pauseMs, act, device]);
}
