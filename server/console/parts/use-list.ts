import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useLocation, useRouter, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { changed, readFilter, writeFilter, type Fields, type Filter } from "../data/filter.ts";
import { useLive, useNews } from "../data/live-context.tsx";
import type { Counters, Topic } from "../data/live-counters.ts";
import { listQuery, rowLimit, type List, type Row } from "../data/queries.ts";
import { forgetScroll } from "./scroll-memory.ts";

export interface ListState<L extends List, F extends Fields> {
  readonly filter: Filter<F>;
  readonly change: (change: Parameters<typeof changed<F>>[1]) => void;
  readonly rows: readonly Row<L>[];
  readonly total: number | undefined;
  /** Older rows that the server no longer keeps, where its list says so. */
  readonly dropped: number;
  readonly error: Error | null;
  /** Loads the next rows; absent when there are no more or the list is full. */
  readonly more: (() => void) | undefined;
  readonly full: boolean;
  readonly again: () => void;
  readonly news: { readonly changed: number; readonly missed: boolean };
  /** The list's name for its scroll position. */
  readonly place: string;
}

/** One server-sorted list whose filter is the page's address. */
export function useList<L extends List, F extends Fields>(list: L, fields: F, topic: Topic): ListState<L, F> {
  const search: Readonly<Record<string, unknown>> = useSearch({ strict: false });
  const filter = useMemo(() => readFilter(fields, search), [fields, search]);
  const written = useMemo(() => writeFilter(fields, filter), [fields, filter]);
  const options = listQuery(list, written, useLive());
  const { data, error, hasNextPage, isFetching, fetchNextPage, refetch } = useInfiniteQuery(options);
  const rows = useMemo(() => (data?.pages ?? []).flatMap((page): Row<L>[] => page.rows as Row<L>[]), [data]);
  const mark: Counters | undefined = data?.pages[0]?.mark;
  const lastPage = data?.pages.at(-1);
  const place = `${list}?${new URLSearchParams(written).toString()}`;
  const client = useQueryClient();
  const again = useCallback(() => {
    forgetScroll(place);
    if (data === undefined) void refetch();
    // Back to the first page: pages behind it were cut at places that no longer hold.
    else void client.resetQueries({ queryKey: options.queryKey });
  }, [place, data, refetch, client, options.queryKey]);
  const more = useCallback(() => {
    if (!isFetching) void fetchNextPage();
  }, [isFetching, fetchNextPage]);
  const device = filter["device"];
  return {
    filter,
    change: useChange(fields, filter),
    rows,
    total: lastPage?.total,
    dropped: lastPage !== undefined && "dropped" in lastPage ? lastPage.dropped : 0,
    error,
    more: hasNextPage && error === null ? more : undefined,
    full: rows.length >= rowLimit,
    again,
    news: useNews(mark, topic, typeof device === "string" ? device : undefined),
    place,
  };
}

function useChange<F extends Fields>(fields: F, filter: Filter<F>): ListState<never, F>["change"] {
  const { history } = useRouter();
  const { pathname } = useLocation();
  return useCallback(
    (change) => {
      const query = new URLSearchParams(writeFilter(fields, changed(filter, change))).toString();
      history.replace(query === "" ? pathname : `${pathname}?${query}`);
    },
    [fields, filter, history, pathname],
  );
}
