import { CircleCheck, CircleDashed, CircleMinus, CircleSlash, CircleX, History, type LucideIcon } from "lucide-react";
import type { Row } from "../../data/queries.ts";

export type ProofState = Row<"packages">["proof"];

/** What the server could derive for a package version, as icon, word and colour. */
export function Proof({ state }: { readonly state: ProofState }) {
  const { word, tone, icon: Icon, means } = proofWords[state];
  return (
    <span
      data-tone={tone}
      title={means}
      className="inline-flex items-center gap-1.5 align-middle text-sm font-medium text-tone"
    >
      <Icon size={14} strokeWidth={2.25} aria-hidden="true" />
      {word}
    </span>
  );
}

export const proofWords: Readonly<
  Record<
    ProofState,
    { readonly word: string; readonly means: string; readonly tone: string; readonly icon: LucideIcon }
  >
> = {
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
