import { Check, CircleAlert, FileSearch, PencilLine, Unlink, X, type LucideIcon } from "lucide-react";
import { useState } from "react";
import { firstBreak, inReadingOrder, overviewOf, type Link, type LinkState } from "./chain-order.ts";
import { EvidenceDrawer, type Evidence } from "./evidence-drawer.tsx";
import { visible } from "./visible-text.ts";

/** From source to the running process, the broken link called out first, the bytes behind each link one click away. */
export function Chain({ chain }: { readonly chain: readonly Link[] }) {
  const [open, setOpen] = useState<Evidence>();
  const broken = firstBreak(chain);
  return (
    <div className="flex flex-col gap-4">
      {broken === undefined ? undefined : <BrokenLink link={broken} />}
      <Strip chain={chain} />
      <ol aria-label="Chain from source to process" className="flex flex-col">
        {inReadingOrder(chain).map((link, at, all) => (
          <LinkView key={`${at}-${link.link}`} link={link} last={at === all.length - 1} open={setOpen} />
        ))}
      </ol>
      {open === undefined ? undefined : <EvidenceDrawer evidence={open} onClose={() => setOpen(undefined)} />}
    </div>
  );
}

function BrokenLink({ link }: { readonly link: Link }) {
  const failed = link.state === "failed";
  return (
    <div data-tone={stateTone[link.state]} className="flex gap-3 rounded-lg bg-tone-wash px-4 py-3">
      <CircleAlert size={18} aria-hidden="true" className="mt-0.5 shrink-0 text-tone" />
      <div className="min-w-0">
        <p className="font-semibold text-tone">
          {failed ? "Contradicted link" : "Missing link"}: {link.link}
        </p>
        <p className="text-sm wrap-anywhere">{visible(link.says)}</p>
      </div>
    </div>
  );
}

/** All ten steps at a glance; what the chain does not speak of stays an empty ring. */
function Strip({ chain }: { readonly chain: readonly Link[] }) {
  return (
    <ol aria-label="The chain at a glance" className="isolate grid grid-cols-5 gap-y-3 md:grid-cols-10">
      {overviewOf(chain).map(({ kind, state }) => {
        const Icon = state === undefined ? undefined : stateIcons[state];
        return (
          <li
            key={kind}
            data-tone={state === undefined ? undefined : stateTone[state]}
            className="group relative flex flex-col items-center gap-1"
          >
            <span
              aria-hidden="true"
              className="absolute top-[0.6875rem] right-1/2 left-[-50%] -z-1 h-0.5 bg-line group-first:hidden max-md:group-nth-6:hidden"
            />
            <span
              className={`relative grid size-6 place-items-center rounded-full border-2 ${state === undefined ? "border-dashed border-edge bg-surface" : "border-tone-fill bg-tone-wash text-tone"}`}
            >
              {Icon === undefined ? undefined : <Icon size={13} strokeWidth={2.75} aria-hidden="true" />}
            </span>
            <span className={`text-xs ${state === undefined ? "text-soft" : "font-medium"}`}>{kind}</span>
            <span className="sr-only">{state === undefined ? "not part of this chain" : stateWords[state]}</span>
          </li>
        );
      })}
    </ol>
  );
}

function LinkView(props: { readonly link: Link; readonly last: boolean; readonly open: (evidence: Evidence) => void }) {
  const { link, last, open } = props;
  const Icon = stateIcons[link.state];
  const facts = Object.entries(link.facts ?? {});
  const whole = link.state === "verified" || link.state === "recorded";
  return (
    <li data-tone={stateTone[link.state]} className="relative flex gap-4 pb-5 last:pb-0">
      {last ? undefined : <span aria-hidden="true" className={`rail ${whole ? "" : "border-dashed"}`} />}
      <span className="relative z-1 grid size-7 shrink-0 place-items-center rounded-full border-2 border-tone-fill bg-tone-wash text-tone">
        <Icon size={14} strokeWidth={2.5} aria-hidden="true" />
      </span>
      <div className="min-w-0 grow pt-0.5">
        <p className="flex flex-wrap items-baseline gap-x-2">
          <span className="font-semibold capitalize">{link.link}</span>
          <span className="text-xs font-semibold text-tone">{stateWords[link.state]}</span>
        </p>
        <p className="max-w-prose text-sm wrap-anywhere">{visible(link.says)}</p>
        {facts.length === 0 ? undefined : (
          <dl className="mt-1.5 grid gap-x-4 gap-y-0.5 text-xs md:grid-cols-[max-content_minmax(0,1fr)]">
            {facts.map(([name, value]) => (
              <div key={name} className="contents">
                <dt className="text-soft">{visible(name)}</dt>
                <dd className="mb-1 font-mono wrap-anywhere md:mb-0">{visible(value)}</dd>
              </div>
            ))}
          </dl>
        )}
        <EvidenceButtons evidence={link.evidence ?? []} open={open} />
      </div>
    </li>
  );
}

function EvidenceButtons(props: {
  readonly evidence: readonly Evidence[];
  readonly open: (evidence: Evidence) => void;
}) {
  if (props.evidence.length === 0) return undefined;
  return (
    <div className="mt-2 flex flex-wrap gap-1.5">
      {props.evidence.map((each) => (
        <button
          key={`${each.sha256}-${each.title}`}
          type="button"
          className="button h-7 max-w-full px-2 text-xs"
          onClick={() => props.open(each)}
        >
          <FileSearch size={13} aria-hidden="true" className="shrink-0" />
          <span className="truncate">{visible(each.title)}</span>
        </button>
      ))}
    </div>
  );
}

const stateWords: Readonly<Record<LinkState, string>> = {
  verified: "verified",
  recorded: "only recorded",
  missing: "missing",
  failed: "contradicted",
};
const stateTone: Readonly<Record<LinkState, string>> = {
  verified: "proven",
  recorded: "unchecked",
  missing: "unproven",
  failed: "refuted",
};
const stateIcons: Readonly<Record<LinkState, LucideIcon>> = {
  verified: Check,
  recorded: PencilLine,
  missing: Unlink,
  failed: X,
};
