import type { Answer } from "@provost/shared/protocol/api.ts";
import type { Standing } from "@provost/shared/model/verdict.ts";
import { count, counted, share } from "./number-words.ts";
import { attentionOrder, barOrder, standingWords } from "./standing-words.ts";
import { standingIcons } from "./verdict-badge.tsx";

export type Counts = Answer<"overview">["running"];

/** Counts by standing as one bar, with a legend whose every number opens the list behind it. */
export function StandingBar(props: {
  readonly counts: Counts;
  readonly label: string;
  readonly linkTo?: (standing: Standing) => string;
}) {
  const { counts, label, linkTo } = props;
  return (
    <div>
      <Bar counts={counts} label={label} thick />
      <ul aria-label={`${label}, by standing`} className="mt-2.5 flex flex-wrap gap-x-5 gap-y-1.5">
        {attentionOrder.map((standing) => (
          <LegendEntry
            key={standing}
            standing={standing}
            amount={counts.standings[standing]}
            total={counts.total}
            href={linkTo?.(standing)}
          />
        ))}
      </ul>
    </div>
  );
}

/** The bar alone, for rows: its words are its label. */
export function Bar(props: { readonly counts: Counts; readonly label: string; readonly thick?: boolean }) {
  const { counts, label, thick = false } = props;
  const parts = barOrder.filter((standing) => counts.standings[standing] > 0);
  const words = parts.map(
    (standing) => `${count(counts.standings[standing])} ${standingWords[standing].word.toLowerCase()}`,
  );
  return (
    <span className={`flex w-full overflow-hidden rounded-full bg-sunken ${thick ? "h-3" : "h-1.5"}`}>
      <span className="sr-only">
        {label}: {words.join(", ") || "none"}
      </span>
      {parts.map((standing) => (
        <span
          key={standing}
          data-tone={standing}
          className="min-w-1 border-r-2 border-surface bg-tone-fill transition-[flex-grow] duration-500 last:border-r-0"
          style={{ flexGrow: counts.standings[standing], flexBasis: 0 }}
        />
      ))}
    </span>
  );
}

function LegendEntry(props: {
  readonly standing: Standing;
  readonly amount: number;
  readonly total: number;
  readonly href: string | undefined;
}) {
  const { standing, amount, total, href } = props;
  const Icon = standingIcons[standing];
  const words = (
    <>
      <Icon size={15} strokeWidth={2.25} aria-hidden="true" className="shrink-0 text-tone" />
      <span className="font-medium text-tone">{standingWords[standing].word}</span>
      <span className="font-semibold tabular-nums">{count(amount)}</span>
      <span className="text-xs text-soft tabular-nums">{share(amount, total) ?? ""}</span>
    </>
  );
  return (
    <li data-tone={amount === 0 ? undefined : standing}>
      {href === undefined ? (
        <span className="inline-flex items-center gap-1.5 text-sm">{words}</span>
      ) : (
        <a
          href={href}
          title={`Open ${counted(amount, "row")}`}
          className="inline-flex items-center gap-1.5 rounded-md text-sm hover:underline"
        >
          {words}
        </a>
      )}
    </li>
  );
}
