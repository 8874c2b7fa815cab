import type { IncidentState, Level } from "@provost/shared/model/detection.ts";
import { CircleCheck, CircleDot, Info, OctagonAlert, ShieldCheck, TriangleAlert, type LucideIcon } from "lucide-react";

/** How much something matters: icon, word and colour. */
export function LevelBadge({ level }: { readonly level: Level }) {
  const { word, tone, icon: Icon } = levelWords[level];
  return (
    <span
      data-tone={tone}
      className="inline-flex items-center gap-1 rounded-md bg-tone-wash px-1.5 py-px align-middle text-sm font-semibold whitespace-nowrap text-tone"
    >
      <Icon size={14} strokeWidth={2.25} aria-hidden="true" />
      {word}
    </span>
  );
}

export const levelWords: Readonly<Record<Level, { word: string; tone: string; icon: LucideIcon }>> = {
  critical: { word: "Critical", tone: "refuted", icon: OctagonAlert },
  high: { word: "High", tone: "refuted", icon: TriangleAlert },
  medium: { word: "Medium", tone: "unproven", icon: TriangleAlert },
  low: { word: "Low", tone: "unchecked", icon: Info },
  informational: { word: "Note", tone: "unchecked", icon: Info },
};

export function IncidentStateBadge({ state }: { readonly state: IncidentState }) {
  const { word, tone, icon: Icon } = stateWords[state];
  return (
    <span
      data-tone={tone}
      className="inline-flex items-center gap-1 align-middle text-sm font-medium whitespace-nowrap text-tone"
    >
      <Icon size={14} aria-hidden="true" />
      {word}
    </span>
  );
}

export const stateWords: Readonly<Record<IncidentState, { word: string; tone: string; icon: LucideIcon }>> = {
  open: { word: "Open", tone: "refuted", icon: CircleDot },
  contained: { word: "Contained", tone: "signed", icon: ShieldCheck },
  closed: { word: "Closed", tone: "proven", icon: CircleCheck },
};
