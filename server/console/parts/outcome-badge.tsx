import type { FindingKind, Outcome } from "@provost/shared/model/gate.ts";
import {
  Ban,
  BellRing,
  CircleCheck,
  CirclePower,
  EyeOff,
  Hand,
  RotateCcw,
  ShieldAlert,
  ShieldOff,
  TriangleAlert,
  Unplug,
  type LucideIcon,
} from "lucide-react";
import { findingWords, outcomeWords } from "./gate-words.ts";

/** What came of a decision: icon, word and colour. */
export function OutcomeBadge({ outcome }: { readonly outcome: Outcome }) {
  return <Badge {...outcomeWords[outcome]} icon={outcomeIcons[outcome]} />;
}

export function FindingBadge({ kind }: { readonly kind: FindingKind }) {
  return <Badge {...findingWords[kind]} icon={findingIcons[kind]} />;
}

function Badge(props: {
  readonly word: string;
  readonly means: string;
  readonly tone?: string;
  readonly icon: LucideIcon;
}) {
  const { word, means, tone, icon: Icon } = props;
  return (
    <span
      data-tone={tone}
      title={means}
      className="inline-flex items-center gap-1 rounded-md bg-tone-wash px-1.5 py-px align-middle text-sm font-semibold whitespace-nowrap text-tone"
    >
      <Icon size={14} strokeWidth={2.25} aria-hidden="true" />
      {word}
    </span>
  );
}

export const outcomeIcons: Readonly<Record<Outcome, LucideIcon>> = {
  stopped: Ban,
  held: Hand,
  would: TriangleAlert,
  warned: BellRing,
  allowed: CircleCheck,
};

export const findingIcons: Readonly<Record<FindingKind, LucideIcon>> = {
  silent: Unplug,
  tamper: ShieldAlert,
  missing: ShieldOff,
  lost: EyeOff,
  degraded: TriangleAlert,
  restarted: RotateCcw,
  stopped: CirclePower,
};
