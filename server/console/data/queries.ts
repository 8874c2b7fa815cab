import { infiniteQueryOptions, QueryCache, QueryClient, queryOptions } from "@tanstack/react-query";
import type { Answer, Query } from "@provost/shared/protocol/api.ts";
import { call } from "./call.ts";
import { needsSignIn, worthRetrying } from "./failure.ts";
import type { Counters } from "./live-counters.ts";
import type { Live } from "./live.ts";

export type List =
  | "devices"
  | "executables"
  | "packages"
  | "decisions"
  | "findings"
  | "requests"
  | "incidents"
  | "audit";
export type Row<L extends List> = Answer<L>["rows"][number];
type Page<L extends List> = Answer<L> & { readonly mark: Counters };

/** Rows a list keeps in memory. Past it the list says so and asks to be narrowed. */
export const rowLimit = 200_000;
export const pageSize = 200;

/** One cache for the console. Nothing refetches by itself: rows never move under the cursor. */
export function queryCache(): QueryClient {
  const client = new QueryClient({
    queryCache: new QueryCache({
      // Whichever question met the end of the session, the frame asks who is signed in and shows what to do.
      onError: (error, query) => {
        if (needsSignIn(error) && query.queryKey[0] !== "session")
          void client.invalidateQueries({ queryKey: ["session"] });
      },
    }),
    defaultOptions: {
      queries: {
        retry: worthRetrying,
        staleTime: 10_000,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        networkMode: "always",
      },
      mutations: { networkMode: "always" },
    },
  });
  return client;
}

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => call("session", { signal }),
  staleTime: Infinity,
});

export const overviewQuery = queryOptions({
  queryKey: ["overview"],
  queryFn: ({ signal }) => call("overview", { signal }),
});

export const deviceQuery = (id: string) =>
  queryOptions({ queryKey: ["device", id], queryFn: ({ signal }) => call("device", { id, signal }) });

export const processesQuery = (id: string, live: Live) =>
  queryOptions({
    queryKey: ["processes", id],
    queryFn: async ({ signal }) => {
      const mark = live.view().counters;
      return { ...(await call("processes", { id, signal })), mark };
    },
    staleTime: Infinity,
    structuralSharing: false,
  });

/** The newest of a device's decisions and findings: as they were when asked, like its processes. */
export const deviceDecisionsQuery = (id: string, live: Live) =>
  queryOptions({
    queryKey: ["device-decisions", id],
    queryFn: async ({ signal }) => {
      const mark = live.view().counters;
      return { ...(await call("deviceDecisions", { id, query: { limit: "20" }, signal })), mark };
    },
    staleTime: Infinity,
    structuralSharing: false,
  });

export const deviceAlarmsQuery = (id: string, live: Live) =>
  queryOptions({
    queryKey: ["device-alarms", id],
    queryFn: async ({ signal }) => {
      const mark = live.view().counters;
      return { ...(await call("deviceAlarms", { id, query: { limit: "5" }, signal })), mark };
    },
    staleTime: Infinity,
    structuralSharing: false,
  });

export const digestDecisionsQuery = (digest: string) =>
  queryOptions({
    queryKey: ["digest-decisions", digest],
    queryFn: ({ signal }) => call("decisions", { query: { digest, limit: "10" }, signal }),
  });

export const incidentQuery = (id: string, live: Live) =>
  queryOptions({
    queryKey: ["incident", id],
    queryFn: async ({ signal }) => {
      const mark = live.view().counters;
      return { ...(await call("incident", { id, signal })), mark };
    },
    structuralSharing: false,
  });

/** What orders are asked for by: one of these. */
export interface OrdersAbout {
  readonly incident?: string;
  readonly device?: string;
  readonly digest?: string;
}

/** Orders are followed as they go. */
export const commandsQuery = (about: OrdersAbout, live: Live) =>
  queryOptions({
    queryKey: ["commands", about.incident ?? "", about.device ?? "", about.digest ?? ""],
    queryFn: async ({ signal }) => {
      const mark = live.view().counters;
      return { ...(await call("commands", { query: { ...about, limit: "50" }, signal })), mark };
    },
    staleTime: 0,
    structuralSharing: false,
  });

/** The server reads its whole audit for it: once, and when somebody asks again. */
export const auditChainQuery = queryOptions({
  queryKey: ["audit-chain"],
  queryFn: async ({ signal }) => ({ ...(await call("auditChain", { signal })), at: Date.now() }),
  staleTime: 60_000,
});

export const policiesQuery = queryOptions({
  queryKey: ["policies"],
  queryFn: ({ signal }) => call("policies", { signal }),
});

export const policyQuery = (number: number) =>
  queryOptions({
    queryKey: ["policy", number],
    queryFn: ({ signal }) => call("policy", { id: String(number), signal }),
  });

export const executableQuery = (id: string) =>
  queryOptions({ queryKey: ["executable", id], queryFn: ({ signal }) => call("executable", { id, signal }) });

export const packageQuery = (purl: string) =>
  queryOptions({ queryKey: ["package", purl], queryFn: ({ signal }) => call("package", { query: { purl }, signal }) });

export const searchQuery = (q: string) =>
  queryOptions({
    queryKey: ["search", q],
    queryFn: ({ signal }) => call("search", { query: { q }, signal }),
    enabled: q !== "",
  });

/** A list by pages of the server's own order. The live counters at its first page are kept with it. */
export const listQuery = <L extends List>(list: L, search: Record<string, string>, live: Live) =>
  infiniteQueryOptions({
    queryKey: ["list", list, search],
    queryFn: async ({ pageParam, signal }): Promise<Page<L>> => {
      const mark = live.view().counters;
      const query = { ...search, limit: String(pageSize), cursor: pageParam } as {
        readonly [Key in keyof Query<L>]?: string;
      };
      return { ...(await call(list, { query, signal })), mark };
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last, pages) => (pages.length * pageSize >= rowLimit ? undefined : last.next),
    staleTime: Infinity,
    // Comparing every row of every page again on each page is what made long lists slow.
    structuralSharing: false,
  });
