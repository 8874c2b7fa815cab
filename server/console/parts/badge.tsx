import type { LucideIcon } from "lucide-react";

/** How a state is said: never by its colour alone. */
export interface BadgeWords {
  readonly word: string;
  readonly icon: LucideIcon;
  readonly tone?: string;
  /** What the word stands for, for whoever points at it. */
  readonly means?: string;
}

/** A state that matters on its line: icon and word on a wash of its colour. */
export function Badge({ word, icon: Icon, tone, means }: BadgeWords) {
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

/** A state among others: icon and word in its colour. */
export function QuietBadge({ word, icon: Icon, tone, means }: BadgeWords) {
  return (
    <span
      data-tone={tone}
      title={means}
      className="inline-flex items-center gap-1.5 align-middle text-sm font-medium whitespace-nowrap text-tone"
    >
      <Icon size={14} aria-hidden="true" />
      {word}
    </span>
  );
}
