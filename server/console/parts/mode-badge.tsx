import type { Action, GateMode } from "@provost/shared/model/gate.ts";
import { Archive, Ban, BellRing, CircleCheck, CircleOff, Eye, Hand, type LucideIcon } from "lucide-react";
import { Badge } from "./badge.tsx";

/** How far a gate goes, or what a policy does about a file. */
export function ModeBadge({ mode, title }: { readonly mode: GateMode | Action; readonly title?: string }) {
  return <Badge {...modeWords[mode]} {...(title === undefined ? {} : { means: title })} />;
}

export const modeWords: Readonly<Record<GateMode | Action, { word: string; tone: string; icon: LucideIcon }>> = {
  off: { word: "Off", tone: "unchecked", icon: CircleOff },
  allow: { word: "Allow", tone: "proven", icon: CircleCheck },
  record: { word: "Record", tone: "unchecked", icon: Eye },
  warn: { word: "Warn", tone: "unproven", icon: BellRing },
  hold: { word: "Hold", tone: "unproven", icon: Hand },
  block: { word: "Block", tone: "refuted", icon: Ban },
  quarantine: { word: "Quarantine", tone: "refuted", icon: Archive },
};
