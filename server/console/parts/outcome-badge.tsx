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
import { Badge } from "./badge.tsx";
import { findingWords, outcomeWords } from "./gate-words.ts";

/** What came of a decision. */
export function OutcomeBadge({ outcome }: { readonly outcome: Outcome }) {
  return <Badge {...outcomeWords[outcome]} icon={outcomeIcons[outcome]} />;
}

export function FindingBadge({ kind }: { readonly kind: FindingKind }) {
  return <Badge {...findingWords[kind]} icon={findingIcons[kind]} />;
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
