import type { LucideIcon } from "lucide-react";
import { count } from "../../parts/number-words.ts";

/** A number with its word, and the way to what it counts. */
export function Figure(props: {
  readonly icon: LucideIcon;
  readonly value: number;
  readonly words: string;
  readonly tone: string;
  readonly href: string;
}) {
  const { icon: Icon, value, words, tone, href } = props;
  return (
    <a
      href={href}
      data-tone={value > 0 ? tone : undefined}
      className="inline-flex items-center gap-1.5 rounded font-medium text-tone hover:underline"
    >
      <Icon size={14} aria-hidden="true" />
      <span className="tabular-nums">{count(value)}</span> {words}
    </a>
  );
}
