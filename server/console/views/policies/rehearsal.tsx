import { actions } from "@provost/shared/model/gate.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { ArrowRight, ShieldCheck, TriangleAlert } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { address } from "../../address.ts";
import { ModeBadge } from "../../parts/mode-badge.tsx";
import { count, counted } from "../../parts/number-words.ts";
import { Panel } from "../../parts/page.tsx";
import { Path } from "../../parts/path.tsx";
import { Time } from "../../parts/time.tsx";
import { visible } from "../../parts/visible-text.ts";

export type RehearsalData = Answer<"rehearsePolicy">;

/** What the draft would have done to what really ran. */
export function Rehearsal({
  result,
  days,
  old,
}: {
  readonly result: RehearsalData;
  readonly days: number;
  readonly old: boolean;
}) {
  return (
    <>
      {old ? (
        <p data-tone="unproven" className="flex gap-2 rounded-lg bg-tone-wash px-3 py-2 text-sm">
          <TriangleAlert size={15} aria-hidden="true" className="mt-0.5 shrink-0 text-tone" />
          The words were changed since. This is what they would have done before that: rehearse them again.
        </p>
      ) : undefined}
      <Summary result={result} days={days} />
      <Stopped result={result} />
      <Changed result={result} />
    </>
  );
}

function Summary({ result, days }: { readonly result: RehearsalData; readonly days: number }) {
  const { stoppedFiles, executions, devices, counts, from, to, uncounted, unread } = result;
  const heading = useRef<HTMLHeadingElement>(null);
  // Whoever asked for it, by key or screen reader or on a phone, is taken to the answer.
  useEffect(() => heading.current?.focus(), []);
  const tone = stoppedFiles > 0 ? "refuted" : executions > 0 ? "proven" : "unchecked";
  return (
    <section
      aria-label="What it would have done"
      data-tone={tone}
      className="panel border-tone/35 bg-tone-wash px-5 py-4"
    >
      <h2
        ref={heading}
        tabIndex={-1}
        className="flex items-start gap-2 text-lg leading-snug font-semibold outline-none"
      >
        {stoppedFiles > 0 ? (
          <TriangleAlert size={18} aria-hidden="true" className="mt-0.5 shrink-0 text-tone" />
        ) : (
          <ShieldCheck size={18} aria-hidden="true" className="mt-0.5 shrink-0 text-tone" />
        )}
        {headline(result)}
      </h2>
      <p className="mt-1 text-sm">
        {executions === 0
          ? `No start of a program is kept from the last ${counted(days, "day")}: nothing is known of what it would do.`
          : `${counted(executions, "start")} on ${counted(devices, "device")}, from `}
        {executions === 0 ? undefined : (
          <>
            <Time at={from} /> on{to - from < (days - 1) * dayMs ? "; nothing older is kept" : ""}.
          </>
        )}
      </p>
      {executions === 0 ? undefined : (
        <ul
          aria-label="Programs, scripts and libraries by what it does about them"
          className="mt-3 flex flex-wrap gap-x-4 gap-y-1.5"
        >
          {actions
            .filter((action) => (counts[action] ?? 0) > 0)
            .map((action) => (
              <li key={action} className="flex items-center gap-1.5 text-sm tabular-nums">
                <ModeBadge mode={action} /> {count(counts[action] ?? 0)}
              </li>
            ))}
        </ul>
      )}
      {unread === undefined ? undefined : (
        <p className="mt-2 text-sm">
          {counted(unread, "start")} could not be judged: {unread === 1 ? "its" : "their"} bytes were not read in time.
        </p>
      )}
      {uncounted === undefined ? undefined : (
        <p className="mt-2 text-sm">
          {counted(uncounted, "more start")} of still other files {uncounted === 1 ? "was" : "were"} not judged: a
          rehearsal tells so many apart and no more.
        </p>
      )}
    </section>
  );
}

const dayMs = 86_400_000;

const headline = ({ stoppedFiles, executions }: RehearsalData): string =>
  stoppedFiles > 0
    ? `It would have stopped ${counted(stoppedFiles, "file")}.`
    : executions > 0
      ? "It would have stopped nothing."
      : "There was nothing to rehearse it over.";

function Stopped({ result: { stopped, stoppedFiles } }: { readonly result: RehearsalData }) {
  if (stopped.length === 0) return undefined;
  return (
    <Panel
      title="Would have been stopped"
      note={
        stopped.length < stoppedFiles
          ? `the ${count(stopped.length)} most often of ${count(stoppedFiles)}`
          : counted(stoppedFiles, "file")
      }
    >
      <ul
        aria-label="Files it would have stopped"
        className="relative flex max-h-[32rem] flex-col divide-y divide-line overflow-auto"
      >
        {stopped.map((row) => (
          <li
            key={`${row.path} ${row.digest ?? ""} ${row.action}`}
            className="flex flex-col gap-1 py-2.5 first:pt-0 last:pb-0"
          >
            <span className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
              <ModeBadge mode={row.action} />
              <FilePath path={row.path} digest={row.digest} />
              <span className="ml-auto text-sm whitespace-nowrap text-soft tabular-nums">
                {counted(row.times, "time")}
              </span>
            </span>
            <span className="text-sm wrap-anywhere">{visible(row.why)}</span>
            <span className="text-xs text-soft wrap-anywhere">{onDevices(row)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Changed({ result: { changed } }: { readonly result: RehearsalData }) {
  return (
    <Panel
      title="What changes against now"
      {...(changed.length === 0 ? {} : { note: counted(changed.length, "file") })}
    >
      {changed.length === 0 ? (
        <p className="text-sm text-soft">Nothing that ran would have been treated otherwise.</p>
      ) : undefined}
      <ul
        aria-label="Files treated otherwise"
        className="relative flex max-h-[32rem] flex-col divide-y divide-line overflow-auto"
      >
        {changed.map((row) => (
          <li
            key={`${row.path} ${row.digest ?? ""} ${row.before} ${row.after}`}
            className="flex flex-wrap items-center gap-x-2.5 gap-y-1 py-2 first:pt-0 last:pb-0"
          >
            <span className="inline-flex items-center gap-1">
              <ModeBadge mode={row.before} />
              <ArrowRight size={13} className="text-soft" aria-hidden="true" />
              <span className="sr-only">becomes</span>
              <ModeBadge mode={row.after} />
            </span>
            <FilePath path={row.path} digest={row.digest} />
            <span className="ml-auto text-sm whitespace-nowrap text-soft tabular-nums">
              {counted(row.times, "time")}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function FilePath({ path, digest }: { readonly path: string; readonly digest: string | undefined }) {
  return <Path path={path} {...(digest === undefined ? {} : { href: address.executables({ digest }) })} />;
}

function onDevices({ devices, deviceNames }: RehearsalData["stopped"][number]): string {
  const names = deviceNames.map(visible).join(", ");
  const more = devices - deviceNames.length;
  return `on ${names}${more > 0 ? ` and ${counted(more, "more device", "more devices")}` : ""}`;
}

/** The server says nothing until it is done, so what is shown is that it works, and for how long. */
export function Rehearsing({ days }: { readonly days: number }) {
  const seconds = useSeconds();
  return (
    <section aria-label="Rehearsing" className="panel flex flex-col gap-2.5 px-5 py-4">
      <output className="text-sm">The draft is put to every start of the last {counted(days, "day")}…</output>
      <progress className="progress" aria-label="The rehearsal runs" />
      <p aria-hidden="true" className="text-xs text-soft tabular-nums">
        {counted(seconds, "second")} so far
      </p>
    </section>
  );
}

function useSeconds(): number {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((before) => before + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return seconds;
}
