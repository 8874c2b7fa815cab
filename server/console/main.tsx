import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { LiveProvider } from "./data/live-context.tsx";
import { openLive } from "./data/live.ts";
import { queryCache } from "./data/queries.ts";
import { keepTheme } from "./parts/theme.ts";
import { buildRouter } from "./router.tsx";
import "./styles.css";

keepTheme(document.documentElement, localStorage);

const live = openLive({
  open: () => new EventSource("/api/v1/live"),
  later: (pauseMs, act) => {
    const timer = setTimeout(act, pauseMs);
    return () => clearTimeout(timer);
  },
  random: Math.random,
});

const place = document.querySelector("#root");
if (place === null) throw new Error("index.html has no #root");
createRoot(place).render(
  <StrictMode>
    <QueryClientProvider client={queryCache()}>
      <LiveProvider value={live}>
        <RouterProvider router={buildRouter()} />
      </LiveProvider>
    </QueryClientProvider>
  </StrictMode>,
);
