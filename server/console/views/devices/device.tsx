import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useCallback } from "react";
import { address } from "../../address.ts";
import { useLiveRefresh } from "../../data/live-context.tsx";
import { deviceQuery } from "../../data/queries.ts";
import { counted } from "../../parts/number-words.ts";
import { Page, Panel } from "../../parts/page.tsx";
import { ScanProgress } from "../../parts/scan-progress.tsx";
import { StandingBar } from "../../parts/standing-bar.tsx";
import { Failed, Loading } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { visible } from "../../parts/visible-text.ts";
import { Archives } from "./archives.tsx";
import { Coverage, Health } from "./coverage.tsx";
import { DeviceDecisions, DeviceFindings, Gate } from "./gate.tsx";
import { Online } from "./devices.tsx";
import { Respond } from "./respond.tsx";
import { Processes } from "./processes.tsx";
import type { DeviceData } from "./device-data.ts";

export function Device() {
  const { id = "" } = useParams({ strict: false });
  const { data, error, refetch } = useQuery(deviceQuery(id));
  const client = useQueryClient();
  const refresh = useCallback(() => void client.invalidateQueries({ queryKey: ["device", id] }), [client, id]);
  useLiveRefresh(topics, 2000, refresh, id);
  return (
    <Page title={data === undefined ? "Device" : visible(data.name)} above={<Above device={data} />}>
      {error === null ? undefined : <Failed error={error} again={() => void refetch()} />}
      {data === undefined ? (
        error === null ? (
          <Loading what="the device" lines={8} />
        ) : undefined
      ) : (
        <>
          <DeviceFindings device={data} />
          <Filled device={data} />
        </>
      )}
    </Page>
  );
}

const topics = ["devices", "executables", "running", "proofs", "packages", "decisions", "findings"] as const;

function Above({ device }: { readonly device: DeviceData | undefined }) {
  return (
    <p className="mb-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-sm text-soft">
      <a className="inline-link" href={address.devices()}>
        Devices
      </a>
      {device === undefined ? undefined : (
        <>
          <Online device={device} />
          <span>
            seen <Time at={device.lastSeen} />
          </span>
        </>
      )}
    </p>
  );
}

function Filled({ device }: { readonly device: DeviceData }) {
  const { id, executables, running, scan } = device;
  return (
    <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_26rem]">
      <div className="flex min-w-0 flex-col gap-5">
        <DeviceDecisions device={id} />
        <Panel title="Running now" note={counted(running.total, "program")}>
          <StandingBar
            counts={running}
            label="Running now"
            linkTo={(standing) => address.executables({ device: id, standing: [standing], running: true })}
          />
          <Processes device={id} />
        </Panel>
        <Panel
          title="Files that can run"
          note={
            <a className="inline-link" href={address.executables({ device: id })}>
              Open {counted(executables.total, "file")}
            </a>
          }
        >
          <StandingBar
            counts={executables}
            label="Files that can run"
            linkTo={(standing) => address.executables({ device: id, standing: [standing] })}
          />
        </Panel>
        <Archives archives={device.archives} proofs={device.proofs} device={id} />
      </div>
      <div className="flex min-w-0 flex-col gap-5">
        <Respond device={id} />
        <Gate device={device} />
        <Panel
          title="Inventory"
          note={
            <a className="inline-link" href={address.packages({ device: id })}>
              {counted(device.packages, "package")}
            </a>
          }
        >
          <ScanProgress scan={scan} label={device.name} />
        </Panel>
        <Coverage device={device} />
        <Health device={device} />
      </div>
    </div>
  );
}
