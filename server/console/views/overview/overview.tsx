import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { address } from "../../address.ts";
import { useLiveRefresh } from "../../data/live-context.tsx";
import { overviewQuery } from "../../data/queries.ts";
import { counted } from "../../parts/number-words.ts";
import { Page, Panel } from "../../parts/page.tsx";
import { StandingBar } from "../../parts/standing-bar.tsx";
import { Empty, Failed, Loading } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { ExecutableLines } from "./executable-lines.tsx";
import { Fleet } from "./fleet.tsx";
import { GateLine } from "./gate-line.tsx";
import { Headline } from "./headline.tsx";
import { IncidentLine } from "./incident-line.tsx";
import type { OverviewData } from "./overview-data.ts";

/** The fleet on one page: what is refuted first, what runs with proof, what is new without, what is still being done. */
export function Overview() {
  const { data, error, refetch } = useQuery(overviewQuery);
  const client = useQueryClient();
  const refresh = useCallback(() => void client.invalidateQueries({ queryKey: overviewQuery.queryKey }), [client]);
  useLiveRefresh(topics, refreshMs, refresh);
  return (
    <Page title="Overview" actions={data === undefined ? undefined : <AsOf at={data.now} />}>
      {error === null ? undefined : <Failed error={error} again={() => void refetch()} />}
      {data === undefined ? (
        error === null ? (
          <Loading what="the overview" lines={8} />
        ) : undefined
      ) : (
        <Filled overview={data} />
      )}
    </Page>
  );
}

function Filled({ overview }: { readonly overview: OverviewData }) {
  const { refuted, newUnproven, executables, devices } = overview;
  if (devices.total === 0)
    return (
      <div className="panel">
        <Empty title="No device yet">
          Provost shows where programs come from as soon as a device is enrolled.{" "}
          <a className="inline-link" href={address.devices()}>
            Add the first device
          </a>
        </Empty>
      </div>
    );
  return (
    <>
      {refuted.length === 0 ? undefined : (
        <Panel
          title={`${counted(executables.standings.refuted, "file")} refuted: evidence contradicts these bytes`}
          tone="refuted"
          className="border-tone/45"
          note={
            <a className="inline-link" href={address.executables({ standing: ["refuted"] })}>
              Open all
            </a>
          }
        >
          <ExecutableLines rows={refuted.slice(0, refutedShown)} label="Refuted files" />
        </Panel>
      )}
      <Headline overview={overview} />
      <IncidentLine openIncidents={overview.openIncidents} />
      <GateLine gate={overview.gate} />
      <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_25rem]">
        <div className="flex min-w-0 flex-col gap-5">
          <Panel title="Files that can run" note={counted(executables.total, "file")}>
            <StandingBar
              counts={executables}
              label="Files that can run"
              linkTo={(standing) => address.executables({ standing: [standing] })}
            />
          </Panel>
          <Panel
            title="New and unproven"
            note={
              <a className="inline-link" href={address.executables({ standing: ["unproven"], sort: "-changedAt" })}>
                Open all
              </a>
            }
          >
            {newUnproven.length === 0 ? (
              <p className="text-sm text-soft">Nothing new is without proof.</p>
            ) : (
              <ExecutableLines rows={newUnproven} label="New and unproven files" />
            )}
          </Panel>
        </div>
        <Fleet overview={overview} />
      </div>
    </>
  );
}

function AsOf({ at }: { readonly at: number }) {
  return (
    <p className="text-xs text-soft">
      As of <Time at={at} />
    </p>
  );
}

const topics = [
  "devices",
  "executables",
  "packages",
  "running",
  "proofs",
  "decisions",
  "findings",
  "requests",
  "incidents",
] as const;
const refreshMs = 1500;
/** More would push what runs off the first screen; the list has them all. */
const refutedShown = 4;
