import type { Action, GateMode } from "@provost/shared/model/gate.ts";
import { Archive, Ban, BellRing, CircleCheck, CircleOff, Eye, Hand, type LucideIcon } from "lucide-react";

/** How far a gate goes, or what a policy does about a file: icon, word and colour. */
export function ModeBadge({ mode, title }: { readonly mode: GateMode | Action; readonly title?: string | undefined }) {
  const { word, tone, icon: Icon } = modeWords[mode];
  return (
    <span
      data-tone={tone}
      title={title}
      className="inline-flex items-center gap-1 rounded-md bg-tone-wash px-1.5 py-px align-middle text-sm font-semibold whitespace-nowrap text-tone"
    >
      <Icon size={14} strokeWidth={2.25} aria-hidden="true" />
      {word}
    </span>
  );
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
