import type { Basis, Standing } from "@provost/shared/model/verdict.ts";
import { BadgeCheck, CircleDashed, CircleQuestionMark, OctagonX, Stamp, type LucideIcon } from "lucide-react";
import { basisWords, standingWords } from "./standing-words.ts";

/** A verdict as icon, word and colour; the basis beside it where there is room. */
export function VerdictBadge(props: {
  readonly standing: Standing;
  readonly basis?: Basis;
  /** On a narrow screen the basis gives way to what stands beside it. */
  readonly tight?: boolean;
}) {
  const { standing, basis, tight = false } = props;
  const Icon = standingIcons[standing];
  const title = basis === undefined ? standingWords[standing].means : basisWords[basis].means;
  return (
    <span
      data-tone={standing}
      title={title}
      className="inline-flex items-center gap-1.5 align-middle text-sm whitespace-nowrap"
    >
      <span className="inline-flex items-center gap-1 rounded-md bg-tone-wash px-1.5 py-px font-semibold text-tone">
        <Icon size={14} strokeWidth={2.25} aria-hidden="true" />
        {standingWords[standing].word}
      </span>
      {basis === undefined ? undefined : (
        <span className={`text-xs text-soft ${tight ? "max-md:hidden" : ""}`}>{basisWords[basis].word}</span>
      )}
    </span>
  );
}

export const standingIcons: Readonly<Record<Standing, LucideIcon>> = {
  proven: BadgeCheck,
  signed: Stamp,
  unproven: CircleDashed,
  refuted: OctagonX,
  unchecked: CircleQuestionMark,
};
