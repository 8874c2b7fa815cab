import { useMutation, useQuery } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { CircleAlert, FlaskConical, Undo2 } from "lucide-react";
import { useDeferredValue, useRef } from "react";
import { address } from "../../address.ts";
import { usePost } from "../../data/post.ts";
import { policiesQuery, policyQuery } from "../../data/queries.ts";
import { Page, Panel } from "../../parts/page.tsx";
import { Failed, Loading } from "../../parts/states.tsx";
import { visible } from "../../parts/visible-text.ts";
import { DiffLines } from "./diff-lines.tsx";
import { useDraft } from "./draft-text.ts";
import { lineOfFault, numberOf, withNumber } from "./policy-text.ts";
import { Publish } from "./publish.tsx";
import { Rehearsal, Rehearsing } from "./rehearsal.tsx";
import { starterPolicy } from "./starter.ts";
import { YamlField, goToLine } from "./yaml-field.tsx";

/** The next policy: written, rehearsed over what really ran, read back, published. */
export function PolicyDraft() {
  const search: Readonly<Record<string, unknown>> = useSearch({ strict: false });
  const from = wholeNumber(search["from"]);
  const list = useQuery(policiesQuery);
  const newest = list.data?.published[0]?.number;
  const base = from ?? newest;
  const begin = useQuery({ ...policyQuery(base ?? 0), enabled: base !== undefined });
  const now = useQuery({ ...policyQuery(newest ?? 0), enabled: newest !== undefined });
  const error = list.error ?? begin.error ?? now.error;
  const again = (): void => {
    for (const one of [list, begin, now]) if (one.isError) void one.refetch();
  };
  const begun = list.data === undefined ? undefined : base === undefined ? starterPolicy : begin.data?.yaml;
  const ready = begun !== undefined && (newest === undefined || now.data !== undefined);
  return (
    <Page
      title="Next policy"
      above={
        <p className="mb-1 text-sm">
          <a className="inline-link" href={address.policies()}>
            Policies
          </a>
        </p>
      }
    >
      {error === null ? undefined : <Failed error={error} again={again} />}
      {ready ? (
        <Editor
          key={`${from} ${newest}`}
          from={from}
          begun={withNumber(begun, (newest ?? 0) + 1)}
          now={now.data}
          days={Math.min(90, wholeNumber(search["days"]) ?? 14)}
        />
      ) : error === null ? (
        <Loading what="the words to begin with" lines={12} />
      ) : undefined}
    </Page>
  );
}

interface EditorProps {
  readonly from: number | undefined;
  readonly begun: string;
  /** The policy that holds now; undefined: none was published. */
  readonly now: { readonly number: number; readonly yaml: string } | undefined;
  readonly days: number;
}

function Editor({ from, begun, now, days }: EditorProps) {
  const draft = useDraft(from, begun);
  const text = draft.text ?? begun;
  const field = useRef<HTMLTextAreaElement>(null);
  const post = usePost();
  const rehearse = useMutation({
    mutationFn: async (yaml: string) => ({
      yaml,
      days,
      result: await post("rehearsePolicy", { body: { yaml, days }, deadlineMs: rehearsalDeadlineMs }),
    }),
  });
  const said = rehearse.data;
  const fault = said?.result.ok === false ? (said.result.why ?? "It cannot be read.") : undefined;
  const old = said !== undefined && said.yaml !== text;
  const done = rehearse.isSuccess && fault === undefined;
  return (
    <div className="grid items-start gap-5 lg:grid-cols-2">
      <form
        className="flex min-w-0 flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          rehearse.mutate(text);
        }}
      >
        <YamlField
          label={`${numberOf(text) === undefined ? "A policy without a number" : `Policy ${numberOf(text)}`}, in YAML`}
          value={text}
          onChange={draft.write}
          field={field}
          faultId={fault === undefined || old ? undefined : "fault"}
        />
        {fault === undefined ? undefined : (
          <Fault
            why={fault}
            line={lineOfFault(fault, said?.yaml ?? "")}
            old={old}
            go={(line) => field.current !== null && goToLine(field.current, line)}
          />
        )}
        <div className="flex flex-wrap items-end gap-3">
          <Days days={days} />
          <button
            type="submit"
            className="button button-primary font-semibold"
            disabled={rehearse.isPending || text.trim() === ""}
          >
            <FlaskConical size={14} aria-hidden="true" />
            {rehearse.isPending ? "Rehearsing…" : "Rehearse"}
          </button>
          {text === begun ? undefined : (
            <button type="button" className="button ml-auto" onClick={draft.drop}>
              <Undo2 size={14} aria-hidden="true" />
              Begin again
            </button>
          )}
        </div>
        <Against text={text} now={now} />
      </form>
      <div className="flex min-w-0 flex-col gap-5">
        {rehearse.error === null ? undefined : <Failed error={rehearse.error} again={() => rehearse.mutate(text)} />}
        {rehearse.isPending ? <Rehearsing days={days} /> : undefined}
        {said === undefined && !rehearse.isPending && rehearse.error === null ? (
          <HowTo first={now === undefined} />
        ) : undefined}
        {said === undefined || !done || rehearse.isPending ? undefined : (
          <Rehearsal key={said.result.to} result={said.result} days={said.days} old={old} />
        )}
        <Publish
          yaml={text}
          stoppedFiles={done && !old ? said?.result.stoppedFiles : undefined}
          onPublished={draft.drop}
        />
      </div>
    </div>
  );
}

/** Two million stored starts are read at most. */
const rehearsalDeadlineMs = 300_000;

function HowTo({ first }: { readonly first: boolean }) {
  return (
    <Panel title="Before it rules anybody">
      <ol className="flex list-decimal flex-col gap-1.5 pl-5 text-sm marker:text-soft">
        <li>
          {first
            ? "These words are a beginning: they ask for what the built-in policy asks for, and record."
            : "Change the words: one ring, one mode at a time is the safest way."}
        </li>
        <li>Rehearse them: you read which files they would have stopped, and where.</li>
        <li>
          Publish them with a reason. Devices that are there have them within a second, others when they come back.
        </li>
      </ol>
      <p className="mt-2 text-sm text-soft">A device with a policy file of its own keeps to that file.</p>
    </Panel>
  );
}

/** Why the words cannot be read, and where. */
function Fault(props: {
  readonly why: string;
  readonly line: number | undefined;
  readonly old: boolean;
  readonly go: (line: number) => void;
}) {
  const { why, line, old, go } = props;
  return (
    <div
      id="fault"
      role="alert"
      data-tone="refuted"
      className="panel flex flex-col items-start gap-2 border-tone/45 p-3 text-sm"
    >
      <p className="flex items-center gap-2 font-semibold text-tone">
        <CircleAlert size={16} aria-hidden="true" />
        {old ? "These words could not be read before your last change" : "These words cannot be read"}
      </p>
      <p className="max-h-48 max-w-full overflow-auto font-mono text-xs whitespace-pre-wrap wrap-anywhere">
        {faultText(why)}
      </p>
      {line === undefined ? undefined : (
        <button type="button" className="button h-7 px-2.5 text-xs" onClick={() => go(line)}>
          Go to line {line}
        </button>
      )}
    </div>
  );
}

/** Its breaks are meant: the reader of YAML draws an arrow below the place. */
const faultText = (why: string): string => why.trim().split("\n").map(visible).join("\n");

function Days({ days }: { readonly days: number }) {
  const { history } = useRouter();
  const search: Readonly<Record<string, unknown>> = useSearch({ strict: false });
  const choose = (value: string): void => {
    const query = new URLSearchParams({ ...(search as Record<string, string>), days: value });
    history.replace(`${address.policyDraft()}?${query.toString()}`);
  };
  return (
    <label className="flex items-center gap-2 text-sm font-medium">
      Over
      <select className="field font-normal" value={days} onChange={(event) => choose(event.target.value)}>
        {spans.includes(days) ? undefined : <option value={days}>{days} days</option>}
        {spans.map((span) => (
          <option key={span} value={span}>
            {span === 1 ? "1 day" : `${span} days`}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The server rehearses over ninety days at most. */
const spans: readonly number[] = [1, 3, 7, 14, 30, 90];

function Against({ text, now }: { readonly text: string } & Pick<EditorProps, "now">) {
  const shown = useDeferredValue(text);
  if (now === undefined) return undefined;
  return (
    <Panel title={`What differs from policy ${now.number}`} className="mt-2">
      <DiffLines before={now.yaml} after={shown} label={`Lines that differ from policy ${now.number}`} />
    </Panel>
  );
}

const wholeNumber = (value: unknown): number | undefined =>
  typeof value === "string" && /^[1-9]\d{0,14}$/.test(value) ? Number(value) : undefined;
