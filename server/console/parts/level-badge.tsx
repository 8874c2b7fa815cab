import type { IncidentState, Level } from "@provost/shared/model/detection.ts";
import { CircleCheck, CircleDot, Info, OctagonAlert, ShieldCheck, TriangleAlert, type LucideIcon } from "lucide-react";
import { Badge, QuietBadge } from "./badge.tsx";

/** How much something matters. */
export function LevelBadge({ level }: { readonly level: Level }) {
  return <Badge {...levelWords[level]} />;
}

export const levelWords: Readonly<Record<Level, { word: string; tone: string; icon: LucideIcon }>> = {
  critical: { word: "Critical", tone: "refuted", icon: OctagonAlert },
  high: { word: "High", tone: "refuted", icon: TriangleAlert },
  medium: { word: "Medium", tone: "unproven", icon: TriangleAlert },
  low: { word: "Low", tone: "unchecked", icon: Info },
  informational: { word: "Note", tone: "unchecked", icon: Info },
};

export function IncidentStateBadge({ state }: { readonly state: IncidentState }) {
  return <QuietBadge {...stateWords[state]} />;
}

export const stateWords: Readonly<Record<IncidentState, { word: string; tone: string; icon: LucideIcon }>> = {
  open: { word: "Open", tone: "refuted", icon: CircleDot },
  contained: { word: "Contained", tone: "signed", icon: ShieldCheck },
  closed: { word: "Closed", tone: "proven", icon: CircleCheck },
};
