import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { PencilLine } from "lucide-react";
import { useCallback, type ReactNode } from "react";
import { address } from "../../address.ts";
import { useLiveRefresh } from "../../data/live-context.tsx";
import { policiesQuery, policyQuery } from "../../data/queries.ts";
import { ModeBadge } from "../../parts/mode-badge.tsx";
import { count, counted } from "../../parts/number-words.ts";
import { Facts, Page, Panel } from "../../parts/page.tsx";
import { Empty, Failed, Loading } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { visible } from "../../parts/visible-text.ts";
import { EarlierSteps, Rings } from "./rings.tsx";

type List = Answer<"policies">;

/** The fleet's policy as it holds now, whose word rules where, and every policy before it. */
export function Policies() {
  const { data, error, refetch } = useQuery(policiesQuery);
  const client = useQueryClient();
  useLiveRefresh(
    ["policies", "devices"],
    3000,
    useCallback(() => {
      void client.invalidateQueries({ queryKey: ["policies"] });
      void client.invalidateQueries({ queryKey: ["policy"] });
    }, [client]),
  );
  const none = data?.published.length === 0;
  return (
    <Page
      title="Policies"
      actions={
        data === undefined ? undefined : (
          <a className="button button-primary font-semibold" href={address.policyDraft()}>
            <PencilLine size={14} aria-hidden="true" />
            {none ? "Write the first policy" : "Write the next policy"}
          </a>
        )
      }
    >
      {error === null ? undefined : <Failed error={error} again={() => void refetch()} />}
      {data === undefined && error === null ? <Loading what="the policies" lines={8} /> : undefined}
      {data === undefined ? undefined : (
        <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_24rem]">
          <div className="flex min-w-0 flex-col gap-5">
            <Faults faults={data.faults} />
            {none ? <Nothing /> : <Current list={data} />}
            {none ? undefined : <History rows={data.published} />}
          </div>
          <div className="flex min-w-0 flex-col gap-5">
            <Sources sources={data.sources} />
            <Groups groups={data.groups} />
          </div>
        </div>
      )}
    </Page>
  );
}

function Nothing() {
  return (
    <section aria-label="No policy is published" className="panel">
      <Empty title="No policy is published">
        Each device follows a policy file of its own, or the built-in policy in the mode it was started with. Write one,
        rehearse it over what ran here, and publish it to all of them.
      </Empty>
    </section>
  );
}

function Current({ list }: { readonly list: List }) {
  const current = list.published.find((row) => row.current);
  const number = current?.number ?? 0;
  const { data, error, refetch } = useQuery({ ...policyQuery(number), enabled: number > 0 });
  if (current === undefined) return undefined;
  return (
    <Panel
      title={`Policy ${current.number}`}
      note={
        <a className="inline-link" href={address.policy(current.number)}>
          Read its words
        </a>
      }
    >
      <p className="mb-3 text-sm wrap-anywhere">
        “{visible(current.why)}”{" "}
        <span className="text-soft">
          {visible(current.by)}, <Time at={current.at} />
        </span>
      </p>
      {error === null ? undefined : <Failed error={error} again={() => void refetch()} />}
      {data === undefined && error === null ? <Loading what="its rings" lines={3} /> : undefined}
      {data === undefined ? undefined : (
        <>
          <Rings policy={data} />
          <EarlierSteps policy={data} />
        </>
      )}
    </Panel>
  );
}

/** Devices that could not read what they were sent, and so keep the policy before. */
function Faults({ faults }: Pick<List, "faults">) {
  if (faults.length === 0) return undefined;
  return (
    <Panel
      title={`${counted(faults.length, "device")} could not read the policy, and ${faults.length === 1 ? "keeps" : "keep"} the one before`}
      tone="refuted"
      className="border-tone/45"
    >
      <ul className="flex max-h-80 flex-col divide-y divide-line overflow-auto text-sm">
        {faults.map(({ device, deviceName, why }) => (
          <li key={device} className="py-2 first:pt-0 last:pb-0">
            <a className="inline-link wrap-anywhere" href={address.device(device)}>
              {visible(deviceName)}
            </a>
            <span className="block wrap-anywhere">{visible(why)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Sources({ sources: { server, file, builtIn } }: Pick<List, "sources">) {
  return (
    <Panel title="Whose word rules" note={counted(server + file + builtIn, "device")}>
      <Facts
        facts={[
          ["This server", <Share key="server" devices={server} means="a policy published here" />],
          [
            "A file",
            <Share key="file" devices={file} means="a policy file on the device, which goes before this server" />,
          ],
          ["Built in", <Share key="built-in" devices={builtIn} means="what the product brings" />],
        ]}
      />
    </Panel>
  );
}

function Share({ devices, means }: { readonly devices: number; readonly means: string }) {
  return (
    <>
      <span className="font-semibold tabular-nums">{count(devices)}</span> <span className="text-soft">{means}</span>
    </>
  );
}

function Groups({ groups }: Pick<List, "groups">) {
  return (
    <Panel title="Groups that devices name" note="in their own settings">
      {groups.length === 0 ? <p className="text-sm text-soft">No device has told of its gate yet.</p> : undefined}
      <ul className="flex max-h-96 flex-col divide-y divide-line overflow-auto text-sm">
        {groups.map(({ group, devices, modes }) => (
          <li key={group} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2 first:pt-0 last:pb-0">
            <span className={`min-w-0 wrap-anywhere ${group === "" ? "text-soft" : "font-medium"}`}>
              {group === "" ? "in no group" : visible(group)}
            </span>
            <span className="text-soft tabular-nums">{counted(devices, "device")}</span>
            <span className="ml-auto flex flex-wrap gap-1">
              {modes.map((mode) => (
                <ModeBadge key={mode} mode={mode} />
              ))}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function History({ rows }: { readonly rows: List["published"] }) {
  return (
    <Panel title="Published" note={counted(rows.length, "policy", "policies")}>
      <ol className="flex max-h-[32rem] flex-col divide-y divide-line overflow-auto" aria-label="Published policies">
        {rows.map((row) => (
          <li
            key={row.number}
            className="relative flex flex-wrap items-baseline gap-x-3 gap-y-0.5 py-2.5 first:pt-0 last:pb-0"
          >
            <a className="covers-row text-sm font-semibold hover:underline" href={address.policy(row.number)}>
              Policy {row.number}
            </a>
            {row.current ? <CurrentMark /> : undefined}
            <span className="ml-auto text-xs text-soft">
              {row.devices === 0 ? "rules no device" : `rules ${counted(row.devices, "device")}`}
            </span>
            <span className="w-full text-sm wrap-anywhere">{visible(row.why)}</span>
            <span className="w-full text-xs text-soft">
              {visible(row.by)}, <Time at={row.at} />
            </span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

/** The newest that was sent out. */
export function CurrentMark({ children = "Current" }: { readonly children?: ReactNode }) {
  return (
    <span className="rounded-md bg-accent-wash px-1.5 py-px text-xs font-semibold whitespace-nowrap text-accent">
      {children}
    </span>
  );
}
