import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useCallback } from "react";
import { address } from "../../address.ts";
import { useLiveRefresh } from "../../data/live-context.tsx";
import { executableQuery } from "../../data/queries.ts";
import { Chain } from "../../parts/chain.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { basisWords, standingWords } from "../../parts/standing-words.ts";
import { Failed, Loading } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { standingIcons } from "../../parts/verdict-badge.tsx";
import { splitPath, visible } from "../../parts/visible-text.ts";
import { Orders } from "../incidents/orders.tsx";
import { Elsewhere, History, Identity, RunningAs } from "./executable-facts.tsx";
import { DigestDecisions } from "./executable-decisions.tsx";
import { Documents } from "./executable-documents.tsx";
import { ExecutableRespond } from "./executable-respond.tsx";
import type { ExecutableData } from "./executable-data.ts";

export function Executable() {
  const { id = "" } = useParams({ strict: false });
  const { data, error, refetch } = useQuery(executableQuery(id));
  const client = useQueryClient();
  const refresh = useCallback(() => void client.invalidateQueries({ queryKey: ["executable", id] }), [client, id]);
  useLiveRefresh(topics, 2000, refresh, data?.device);
  const name = data === undefined ? "Executable" : splitPath(data.path).name;
  return (
    <Page title={name} heading={<span className="line-clamp-3">{name}</span>} above={<Above executable={data} />}>
      {error === null ? undefined : <Failed error={error} again={() => void refetch()} />}
      {data === undefined ? (
        error === null ? (
          <Loading what="the executable" lines={8} />
        ) : undefined
      ) : (
        <>
          <Verdict executable={data} />
          <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_26rem]">
            <div className="flex min-w-0 flex-col gap-5">
              <Panel title="Where it comes from" note={`trust ${visible(data.trustVersion)}`}>
                <Chain chain={data.chain} />
              </Panel>
              {data.digest === undefined ? undefined : <DigestDecisions digest={data.digest} />}
            </div>
            <div className="flex min-w-0 flex-col gap-5">
              <ExecutableRespond executable={data} />
              {data.digest === undefined ? undefined : <Orders about={{ digest: data.digest }} />}
              <Identity executable={data} />
              <Documents executable={data} />
              <RunningAs executable={data} />
              <Elsewhere executable={data} />
              <History executable={data} />
            </div>
          </div>
        </>
      )}
    </Page>
  );
}

const topics = ["executables", "running", "proofs"] as const;

function Above({ executable }: { readonly executable: ExecutableData | undefined }) {
  return (
    <p className="mb-1 flex flex-wrap items-baseline gap-x-2 text-sm text-soft">
      <a className="inline-link" href={address.executables()}>
        Executables
      </a>
      {executable === undefined ? undefined : (
        <>
          <span>on</span>
          <a className="inline-link" href={address.device(executable.device)}>
            {visible(executable.deviceName)}
          </a>
        </>
      )}
    </p>
  );
}

function Verdict({ executable }: { readonly executable: ExecutableData }) {
  const { standing, basis, says, wanted, slsaLevel, judgedAt } = executable;
  const Icon = standingIcons[standing];
  return (
    <section aria-label="Verdict" data-tone={standing} className="panel border-tone/35 bg-tone-wash px-5 py-5 md:px-7">
      <p className="flex flex-wrap items-center gap-x-2 gap-y-1 font-semibold text-tone">
        <Icon size={20} strokeWidth={2.25} aria-hidden="true" />
        {standingWords[standing].word}: {basisWords[basis].word}
        {slsaLevel === undefined ? undefined : <span className="font-medium">· SLSA Build L{slsaLevel}</span>}
      </p>
      <p className="mt-2 max-w-[52rem] text-xl leading-snug tracking-tight wrap-anywhere">{visible(says)}</p>
      {wanted === undefined ? undefined : (
        <p className="mt-2 max-w-prose text-sm wrap-anywhere">
          <span className="font-semibold">Wanted:</span> {visible(wanted)}
        </p>
      )}
      <p className="mt-3 text-xs text-soft">
        Judged <Time at={judgedAt} />
      </p>
    </section>
  );
}
