import { ChevronDown } from "lucide-react";
import { Popover } from "radix-ui";
import type { Choice } from "./filter-bar.tsx";

/** Any number of many: a button that opens a list of boxes. */
export function ChoiceMenu<T extends string>(props: {
  readonly label: string;
  readonly choices: readonly Choice<T>[];
  readonly chosen: readonly T[] | undefined;
  readonly onToggle: (value: T) => void;
}) {
  const { label, choices, chosen = [], onToggle } = props;
  const words = choices.filter(({ value }) => chosen.includes(value)).map(({ word }) => word);
  const summary = words.length === 0 ? label : `${label}: ${words.length > 2 ? words.length : words.join(", ")}`;
  return (
    <Popover.Root>
      <Popover.Trigger
        className={`button rounded-full font-normal ${words.length === 0 ? "" : "border-accent bg-accent-wash font-semibold text-accent"}`}
      >
        {summary}
        <ChevronDown size={14} aria-hidden="true" />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="start"
          sideOffset={6}
          aria-label={label}
          className="z-40 max-h-[min(26rem,70dvh)] w-80 max-w-[90vw] overflow-auto rounded-xl border bg-raised p-1.5 shadow-lift"
        >
          {choices.map(({ value, word, title }) => (
            <label key={value} className="flex items-start gap-2.5 rounded-lg px-2.5 py-1.5 text-sm hover:bg-sunken">
              <input
                type="checkbox"
                className="mt-1 accent-accent"
                checked={chosen.includes(value)}
                onChange={() => onToggle(value)}
              />
              <span>
                <span className="font-medium">{word}</span>
                {title === undefined ? undefined : <span className="block text-xs text-soft">{title}</span>}
              </span>
            </label>
          ))}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
