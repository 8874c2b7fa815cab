import { Search, X } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { visible } from "./visible-text.ts";

/** The row above a list: search, choices, and what is narrowed by things chosen elsewhere. */
export function FilterBar({ children }: { readonly children: ReactNode }) {
  return (
    <search aria-label="Narrow this list" className="flex flex-wrap items-center gap-x-3 gap-y-2">
      {children}
    </search>
  );
}

/** Text that narrows the list a moment after the last key. */
export function FilterText(props: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  const { label, value, onChange } = props;
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  if (known !== value) {
    setKnown(value);
    setTyped(value);
  }
  useEffect(() => {
    if (typed === value) return undefined;
    const timer = setTimeout(() => onChange(typed), settleMs);
    return () => clearTimeout(timer);
  }, [typed, value, onChange]);
  return (
    <label className="relative w-full md:w-72">
      <span className="sr-only">{label}</span>
      <Search size={14} aria-hidden="true" className="pointer-events-none absolute top-2.5 left-2.5 text-soft" />
      <input
        type="search"
        className="field w-full pl-8"
        placeholder={label}
        maxLength={400}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
    </label>
  );
}

const settleMs = 250;

export interface Choice<T extends string> {
  readonly value: T;
  readonly word: string;
  readonly tone?: string;
  readonly icon?: ReactNode;
  readonly title?: string;
}

/** Any number of a few, each a switch that says whether it is on. */
export function Choices<T extends string>(props: {
  readonly label: string;
  readonly choices: readonly Choice<T>[];
  readonly chosen: readonly T[] | undefined;
  readonly onToggle: (value: T) => void;
}) {
  return (
    <fieldset className="flex max-w-full min-w-0 gap-1.5 p-0.5 max-md:overflow-x-auto md:flex-wrap">
      <legend className="sr-only">{props.label}</legend>
      {props.choices.map(({ value, word, tone, icon, title }) => (
        <button
          key={value}
          type="button"
          title={title}
          data-tone={tone}
          aria-pressed={props.chosen?.includes(value) === true}
          onClick={() => props.onToggle(value)}
          className="inline-flex h-8 items-center gap-1.5 rounded-full border border-line bg-surface px-3 text-sm whitespace-nowrap hover:border-edge aria-pressed:border-tone aria-pressed:bg-tone-wash aria-pressed:font-semibold aria-pressed:text-tone"
        >
          {icon}
          {word}
        </button>
      ))}
    </fieldset>
  );
}

/** Something the list is narrowed by that was chosen on another page. */
export function Narrowed({
  by,
  value,
  onClear,
}: {
  readonly by: string;
  readonly value: string;
  readonly onClear: () => void;
}) {
  return (
    <span className="inline-flex h-8 max-w-full items-center gap-1.5 rounded-full bg-accent-wash pr-1 pl-3 text-sm">
      <span className="text-soft">{by}</span>
      <span className="max-w-64 truncate font-medium">{visible(value)}</span>
      <button
        type="button"
        aria-label={`No longer narrow by ${by}`}
        className="grid size-6 place-items-center rounded-full hover:bg-sunken"
        onClick={onClear}
      >
        <X size={13} aria-hidden="true" />
      </button>
    </span>
  );
}
