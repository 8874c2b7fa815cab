import { useQuery } from "@tanstack/react-query";
import { ShieldX } from "lucide-react";
import { address } from "../../address.ts";
import { useLive, useNews } from "../../data/live-context.tsx";
import { deviceAlarmsQuery, deviceDecisionsQuery } from "../../data/queries.ts";
import { DecisionLines } from "../../parts/decision-lines.tsx";
import { FindingLines } from "../../parts/finding-lines.tsx";
import { modeMeans, outcomeWords, tierMeans, tierMisses } from "../../parts/gate-words.ts";
import { News } from "../../parts/news.tsx";
import { count, counted } from "../../parts/number-words.ts";
import { Facts, Panel } from "../../parts/page.tsx";
import { Failed, Loading } from "../../parts/states.tsx";
import { visible } from "../../parts/visible-text.ts";
import type { DeviceData } from "./device-data.ts";

/** What may run here is asked how, how strictly, and what that cannot stop. */
export function Gate({ device }: { readonly device: DeviceData }) {
  const { mode, tier, facts, gate, id } = device;
  const limits = (facts["sensor limits"] ?? "").split(/[\n;]/).filter((line) => line.trim() !== "");
  return (
    <Panel title="Gate" note={`mode ${mode}, tier ${tier}`}>
      <Facts
        facts={[
          ["Mode", <Meaning key="mode" word={mode} means={modeMeans[mode]} />],
          ["Tier", <Meaning key="tier" word={tier} means={tierMeans[tier]} />],
          ...(facts["sensor"] === undefined ? [] : [["Sensor", visible(facts["sensor"])] as const]),
        ]}
      />
      <h3 className="mt-4 mb-1.5 text-sm font-semibold">In the last 24 hours</h3>
      <dl className="grid grid-cols-4 gap-2">
        {counters.map((outcome) => (
          <div
            key={outcome}
            data-tone={gate[outcome] > 0 ? outcomeWords[outcome].tone : undefined}
            className="flex flex-col-reverse"
          >
            <dt className="text-xs text-soft">{outcomeWords[outcome].word}</dt>
            <dd className="text-lg font-semibold tabular-nums">
              <a className="text-tone hover:underline" href={address.decisions({ device: id, outcome: [outcome] })}>
                {count(gate[outcome])}
                <span className="sr-only"> {outcomeWords[outcome].word}</span>
              </a>
            </dd>
          </div>
        ))}
      </dl>
      <h3 className="mt-4 mb-1.5 flex items-center gap-2 text-sm font-semibold">
        <ShieldX size={15} aria-hidden="true" />
        What it cannot stop
      </h3>
      {mode === "off" || mode === "record" || mode === "warn" ? (
        <p className="mb-1.5 text-sm">
          In this mode nothing is stopped. In a stricter one, tier {tier} could not stop:
        </p>
      ) : undefined}
      <ul className="flex list-disc flex-col gap-1 pl-5 text-sm text-soft marker:text-edge">
        {tierMisses[tier].map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      {limits.length === 0 ? undefined : (
        <>
          <h3 className="mt-4 mb-1.5 text-sm font-semibold">As the sensor on this device says</h3>
          <ul className="flex flex-col gap-1.5">
            {limits.map((line) => (
              <li key={line} data-tone="unproven" className="rounded-lg bg-tone-wash px-3 py-1.5 text-xs wrap-anywhere">
                {visible(line.trim())}
              </li>
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}

const counters = ["stopped", "held", "would", "warned"] as const;

/** Facts that have their place in the gate's panel. */
export const gateFacts: ReadonlySet<string> = new Set(["sensor", "sensor limits"]);

function Meaning({ word, means }: { readonly word: string; readonly means: string }) {
  return (
    <>
      <span className="font-semibold">{word}</span> <span className="text-soft">{means}</span>
    </>
  );
}

/** What the gate decided here, as it was when asked; what is new since is offered. */
export function DeviceDecisions({ device }: { readonly device: string }) {
  const { data, error, refetch } = useQuery(deviceDecisionsQuery(device, useLive()));
  const news = useNews(data?.mark, "decisions", device);
  const again = (): void => void refetch();
  return (
    <Panel
      title="Stopped and judged"
      note={
        <span className="flex items-baseline gap-3">
          <News {...news} show={again} />
          {data === undefined || data.total === 0 ? undefined : (
            <a className="inline-link" href={address.decisions({ device })}>
              Open {counted(data.total, "decision")}
            </a>
          )}
        </span>
      }
    >
      {error === null ? undefined : <Failed error={error} again={again} />}
      {data === undefined && error === null ? <Loading what="decisions" lines={3} /> : undefined}
      {data?.rows.length === 0 ? (
        <p className="text-sm text-soft">The gate has told of nothing it stopped or would have stopped.</p>
      ) : undefined}
      {data === undefined || data.rows.length === 0 ? undefined : (
        <DecisionLines rows={data.rows} label="Newest decisions" about="file" />
      )}
    </Panel>
  );
}

/** What is wrong with the watch over this device: nothing at all where nothing was. */
export function DeviceFindings({ device: { id, gate } }: { readonly device: DeviceData }) {
  const { data, error, refetch } = useQuery(deviceAlarmsQuery(id, useLive()));
  const news = useNews(data?.mark, "findings", id);
  const again = (): void => void refetch();
  if (error !== null) return <Failed error={error} again={again} />;
  if (data === undefined || (data.rows.length === 0 && news.changed === 0)) return undefined;
  const open = gate.open > 0 || data.rows.some((row) => row.open);
  return (
    <Panel
      title={open ? "This device is not watched now" : "Findings"}
      {...(open ? { tone: "refuted", className: "border-tone/45" } : {})}
      note={
        <span className="flex items-baseline gap-3">
          <News {...news} show={again} />
          <a className="inline-link" href={address.findings({ device: id })}>
            Open {counted(data.total, "finding")}
          </a>
        </span>
      }
    >
      <FindingLines rows={data.rows} />
    </Panel>
  );
}
