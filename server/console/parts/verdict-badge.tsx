import type { Basis, Standing } from "@provost/shared/model/verdict.ts";
import { BadgeCheck, CircleDashed, CircleQuestionMark, OctagonX, Stamp, type LucideIcon } from "lucide-react";
import { basisWords, standingWords } from "./standing-words.ts";

/** A verdict as icon, word and colour; the basis beside it where there is room. */
export function VerdictBadge({ standing, basis }: { readonly standing: Standing; readonly basis?: Basis }) {
  const Icon = standingIcons[standing];
  const title = basis === undefined ? standingWords[standing].means : basisWords[basis].means;
  return (
    <span data-tone={standing} title={title} className="inline-flex items-center gap-1.5 whitespace-nowrap text-sm">
      <span className="inline-flex items-center gap-1 rounded-md bg-tone-wash px-1.5 py-px font-semibold text-tone">
        <Icon size={14} strokeWidth={2.25} aria-hidden="true" />
        {standingWords[standing].word}
      </span>
      {basis === undefined ? undefined : <span className="text-xs text-soft">{basisWords[basis].word}</span>}
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
