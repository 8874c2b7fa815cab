import { CircleCheck, CircleDashed, CircleMinus, CircleSlash, CircleX, History } from "lucide-react";
import type { Row } from "../../data/queries.ts";
import { QuietBadge, type BadgeWords } from "../../parts/badge.tsx";

export type ProofState = Row<"packages">["proof"];

/** What the server could derive for a package version. */
export function Proof({ state }: { readonly state: ProofState }) {
  return <QuietBadge {...proofWords[state]} />;
}

export const proofWords: Readonly<Record<ProofState, Required<BadgeWords>>> = {
  derived: { word: "Derived", means: "The manifest of a signed archive was read.", tone: "proven", icon: CircleCheck },
  pending: { word: "Pending", means: "Its proof is waiting its turn.", tone: "unchecked", icon: CircleDashed },
  lapsed: { word: "Lapsed", means: "No longer in a signed index.", tone: "unproven", icon: History },
  unsupported: {
    word: "Unsupported",
    means: "A format that cannot be read yet.",
    tone: "unchecked",
    icon: CircleSlash,
  },
  failed: {
    word: "Failed",
    means: "The evidence did not verify or could not be fetched.",
    tone: "refuted",
    icon: CircleX,
  },
  none: { word: "None", means: "Its ecosystem offers no signed proof here.", tone: "unproven", icon: CircleMinus },
};
