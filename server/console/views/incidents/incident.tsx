import { useMutation, useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { ClipboardList, CircleCheck, EyeOff, Gavel } from "lucide-react";
import { useState } from "react";
import { address } from "../../address.ts";
import { useLive, useNews } from "../../data/live-context.tsx";
import { usePost, useRefusal } from "../../data/post.ts";
import { incidentQuery } from "../../data/queries.ts";
import { IncidentStateBadge, LevelBadge } from "../../parts/level-badge.tsx";
import { News } from "../../parts/news.tsx";
import { count, counted } from "../../parts/number-words.ts";
import { Page, Panel } from "../../parts/page.tsx";
import { Refusal } from "../../parts/refusal.tsx";
import { Failed, Loading } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { VerdictBadge } from "../../parts/verdict-badge.tsx";
import { visible } from "../../parts/visible-text.ts";
import type { NewOrder } from "./order-dialog.tsx";
import { useOrdering } from "./ordering.tsx";
import { Orders } from "./orders.tsx";

type IncidentData = Answer<"incident">;
type TreeProcess = IncidentData["tree"][number];

/** One story: the sentence, why it matters, who did what, where else, and what is done about it. */
export function Incident() {
  const { id } = useParams({ strict: false });
  const { data, error, refetch } = useQuery(incidentQuery(id ?? "", useLive()));
  const news = useNews(data?.mark, "incidents", data?.device);
  if (data === undefined)
    return (
      <Page title="Incident">
        {error === null ? (
          <Loading what="the incident" lines={12} />
        ) : (
          <Failed error={error} again={() => void refetch()} />
        )}
      </Page>
    );
  return (
    <Page
      title="Incident"
      heading={visible(data.sentence)}
      above={
        <p className="mb-1.5 flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
          <LevelBadge level={data.severity} />
          <IncidentStateBadge state={data.state} />
          <a className="inline-link" href={address.device(data.device)}>
            {visible(data.deviceName)}
          </a>
          <span className="text-soft">
            <Time at={data.openedAt} /> · {counted(data.findings, "finding")}
            {data.techniques.length === 0 ? "" : ` · ${data.techniques.join(", ")}`}
          </span>
          <News {...news} show={() => void refetch()} />
        </p>
      }
      actions={<State key={data.state} incident={data} changed={() => void refetch()} />}
    >
      <Closed incident={data} />
      <div className="grid items-start gap-5 xl:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
        <div className="flex min-w-0 flex-col gap-5">
          <Contain incident={data} />
          <Orders about={{ incident: data.id }} device={data.device} />
          <Tree incident={data} />
          <Timeline incident={data} />
        </div>
        <div className="flex min-w-0 flex-col gap-5">
          <Score incident={data} />
          <Blind incident={data} />
          <Blast incident={data} />
          <Rules incident={data} />
        </div>
      </div>
    </Page>
  );
}

function Closed({ incident: { closedBy, closedWhy } }: { readonly incident: IncidentData }) {
  if (closedBy === undefined) return undefined;
  return (
    <p data-tone="proven" className="panel flex items-start gap-2 bg-tone-wash px-4 py-2.5 text-sm">
      <CircleCheck size={15} aria-hidden="true" className="mt-0.5 shrink-0 text-tone" />
      <span className="min-w-0 wrap-anywhere">
        Closed by {visible(closedBy)}
        {closedWhy === undefined ? "" : `: ${visible(closedWhy)}`}
      </span>
    </p>
  );
}

function State({ incident, changed }: { readonly incident: IncidentData; readonly changed: () => void }) {
  const post = usePost();
  const refused = useRefusal("device");
  const [why, setWhy] = useState("");
  const to = incident.state === "closed" ? "open" : "closed";
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => post("closeIncident", { id: incident.id, body: { state: to, why: why.trim() } }),
    onSuccess: changed,
  });
  if (refused !== undefined) return <Refusal why={refused} />;
  return (
    <form
      className="flex items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        mutate();
      }}
    >
      <label>
        <span className="sr-only">Why it is {to === "closed" ? "closed" : "opened again"}</span>
        <input
          className="field"
          placeholder={to === "closed" ? "Why it is closed" : "Why it is opened again"}
          required
          maxLength={1000}
          value={why}
          onChange={(event) => setWhy(event.currentTarget.value)}
        />
      </label>
      <button type="submit" className="button" disabled={isPending || why.trim() === ""}>
        {to === "closed" ? "Close" : "Open again"}
      </button>
      {error === null ? undefined : <span className="text-sm text-soft">{visible(error.message)}</span>}
    </form>
  );
}

function Contain({ incident }: { readonly incident: IncidentData }) {
  const { ask, dialog } = useOrdering();
  const refused = useRefusal("device");
  const to = { scope: { kind: "device", device: incident.device }, incident: incident.id } as const;
  return (
    <Panel
      title="Contain"
      note={
        refused === undefined ? (
          "Nothing is done before you have read what it does and said why."
        ) : (
          <Refusal why={refused} />
        )
      }
    >
      <ul className="flex flex-wrap gap-2">
        <li>
          <button
            type="button"
            className="button"
            disabled={refused !== undefined}
            onClick={() => ask({ ...to, order: triageAround(incident) })}
          >
            <ClipboardList size={14} aria-hidden="true" />
            Collect a triage bundle
          </button>
        </li>
        {incident.suggested.map(({ title, why, order }) => (
          <li key={title}>
            <button
              type="button"
              className="button h-auto min-h-8 max-w-full py-1 text-left whitespace-normal"
              title={visible(why)}
              disabled={refused !== undefined}
              onClick={() => ask({ ...to, order: order as NewOrder["order"] })}
            >
              <Gavel size={14} aria-hidden="true" className="shrink-0" />
              <span className="min-w-0 wrap-anywhere">{visible(title)}</span>
            </button>
          </li>
        ))}
      </ul>
      {dialog}
    </Panel>
  );
}

/** Around the first process that a rule recognised: what runs there now. */
function triageAround({ tree }: IncidentData): NewOrder["order"] {
  const first = tree.find(({ findings }) => findings.length > 0);
  if (first === undefined) return { action: "collect-triage" };
  const { pid, startedAt, executable } = first;
  return { action: "collect-triage", process: { pid, startedAt }, executable };
}

function Score({ incident: { score, terms } }: { readonly incident: IncidentData }) {
  return (
    <Panel title="Score" note={`${count(Math.round(score))} of 100`}>
      <dl className="flex flex-col gap-3 text-sm">
        {terms.map(({ term, value, most, says }) => (
          <div key={term}>
            <dt className="flex justify-between font-medium">
              <span>{term}</span>
              <span className="tabular-nums">
                {value} of {most}
              </span>
            </dt>
            <dd className="text-soft">{visible(says)}</dd>
          </div>
        ))}
      </dl>
      <p className="mt-3 text-xs text-soft">The score is the product of the three.</p>
    </Panel>
  );
}

function Tree({ incident: { tree, detections } }: { readonly incident: IncidentData }) {
  const sentences = new Map(detections.map(({ id, level, rule }) => [id, { level, title: rule.title }]));
  return (
    <Panel title="Processes" note={counted(tree.length, "process", "processes")}>
      <ul
        aria-label="Processes, indented below who started them"
        className="flex flex-col divide-y divide-line/60 overflow-x-auto"
      >
        {tree.map((row) => (
          <li key={`${row.pid}@${row.startedAt}`} className="flex min-w-0 items-start gap-2 py-1.5">
            <span aria-hidden="true" className="flex shrink-0 self-stretch">
              {Array.from({ length: Math.min(row.depth, 10) }, (_, level) => (
                <span key={level} className="ml-2 w-1.5 border-l border-line md:w-3" />
              ))}
            </span>
            <div className="min-w-0 grow">
              <p className="flex flex-wrap items-center gap-x-2 gap-y-0.5 text-sm">
                <span className="sr-only">Level {row.depth + 1}: </span>
                <Program row={row} />
                <span className="text-xs text-soft tabular-nums">{row.pid}</span>
                {row.user === undefined ? undefined : <span className="text-xs text-soft">{visible(row.user)}</span>}
                {row.worth === undefined ? (
                  <span className="text-xs text-soft">not judged</span>
                ) : (
                  <VerdictBadge standing={row.worth.standing} basis={row.worth.basis} tight />
                )}
                <Inherited row={row} />
              </p>
              <p className="line-clamp-2 font-mono text-xs text-soft wrap-anywhere">{visible(row.command)}</p>
              {row.findings.map((id) => {
                const found = sentences.get(id);
                return found === undefined ? undefined : (
                  <p key={id} className="mt-0.5 flex items-center gap-1.5 text-xs">
                    <LevelBadge level={found.level} />
                    {visible(found.title)}
                  </p>
                );
              })}
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Program({ row: { executable, executableId } }: { readonly row: TreeProcess }) {
  const name = visible(executable || "a process");
  return executableId === undefined ? (
    <span className="font-medium wrap-anywhere">{name}</span>
  ) : (
    <a className="inline-link font-medium wrap-anywhere" href={address.executable(executableId)}>
      {name}
    </a>
  );
}

/** What the process is worth for what it came from, where that is less than its own program. */
function Inherited({ row: { worth, tag } }: { readonly row: TreeProcess }) {
  if (tag === undefined || (tag.standing === worth?.standing && tag.basis === worth.basis)) return undefined;
  return (
    <span
      className="inline-flex items-center gap-1 text-xs text-soft"
      title="The least of what its program, its script and the processes that started it are worth"
    >
      inherits
      <VerdictBadge standing={tag.standing} basis={tag.basis} tight />
    </span>
  );
}

function Timeline({ incident: { timeline } }: { readonly incident: IncidentData }) {
  return (
    <Panel title="Timeline">
      <ol aria-label="What happened, in order" className="flex flex-col divide-y divide-line/60">
        {timeline.map(({ at, kind, level, says, ref }, place) => (
          <li key={`${ref ?? place}${at}`} className="flex flex-wrap gap-x-3 gap-y-1 py-1.5 text-sm md:flex-nowrap">
            <span className="shrink-0 text-xs text-soft md:w-24">
              <Time at={at} brief />
            </span>
            <span className="shrink-0 max-md:order-first md:w-24">
              {level === undefined ? (
                <span className="text-xs text-soft">{kindWords[kind]}</span>
              ) : (
                <LevelBadge level={level} />
              )}
            </span>
            <span className="min-w-0 wrap-anywhere max-md:w-full">{visible(says)}</span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

const kindWords = { finding: "finding", action: "order", state: "state", lost: "not seen" } as const;

function Blind({ incident: { blind } }: { readonly incident: IncidentData }) {
  return (
    <Panel title="What was not seen">
      {blind.length === 0 ? (
        <p className="text-sm text-soft">Nothing is known to have been lost while it happened.</p>
      ) : (
        <ul className="flex flex-col gap-1.5 text-sm">
          {blind.map(({ at, says, count: lost }) => (
            <li key={`${at}${says}`} className="flex gap-2 wrap-anywhere">
              <EyeOff size={14} aria-hidden="true" className="mt-0.5 shrink-0 text-soft" />
              {visible(says)} ({count(lost)})
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Blast({ incident: { blast } }: { readonly incident: IncidentData }) {
  return (
    <Panel title="Where else" note={counted(new Set(blast.map(({ device }) => device)).size, "other device")}>
      {blast.length === 0 ? (
        <p className="text-sm text-soft">
          No other device has these bytes, these packages, or anything else by their signer.
        </p>
      ) : (
        <ul className="flex flex-col gap-1 text-sm">
          {blast.map(({ device, deviceName, by, what, running }) => (
            <li key={`${device}${what}`} className="wrap-anywhere">
              <a className="inline-link" href={address.device(device)}>
                {visible(deviceName)}
              </a>{" "}
              <span className="text-soft">
                {blastWords[by]}: {visible(what)}
                {running > 0 ? `, running ${count(running)} times` : ""}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

const blastWords = { digest: "the same bytes", package: "the same package", signer: "by the same signer" } as const;

function Rules({ incident: { detections } }: { readonly incident: IncidentData }) {
  const rules = new Map(detections.map(({ rule, source }) => [rule.id, { ...rule, source }]));
  return (
    <Panel title="Recognised by">
      <ul className="flex flex-col gap-1.5 text-sm">
        {[...rules.values()].map(({ id, title, author, source }) => (
          <li key={id} className="wrap-anywhere">
            {visible(title)}
            <span className="block text-xs text-soft">
              {source}
              {author === undefined ? "" : ` · ${visible(author)}`} · {visible(id)}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
