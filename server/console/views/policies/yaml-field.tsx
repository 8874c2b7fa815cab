import { useId, useRef, type RefObject } from "react";

/** A policy's words as plain text that any keyboard and screen reader can edit, with the number of each line beside it. */
export function YamlField(props: {
  readonly label: string;
  readonly value: string;
  /** Absent: the words are only read. */
  readonly onChange?: (value: string) => void;
  readonly field?: RefObject<HTMLTextAreaElement | null>;
  /** What is wrong with the words, by the id of the element that says it. */
  readonly faultId?: string | undefined;
}) {
  const { label, value, onChange, field, faultId } = props;
  const id = useId();
  const numbers = useRef<HTMLDivElement>(null);
  const lines = value.split("\n").length;
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      <div
        style={onChange === undefined ? { height: `min(36rem, ${lines * lineHeight + 20}px)` } : {}}
        className="flex h-[min(36rem,65dvh)] min-h-72 overflow-hidden rounded-lg border border-edge bg-surface font-mono text-xs leading-5 focus-within:outline-2 focus-within:outline-accent"
      >
        <div
          ref={numbers}
          aria-hidden="true"
          className="shrink-0 overflow-hidden bg-sunken px-2 py-2 text-right text-soft select-none"
        >
          <pre className="font-mono">{lineNumbers(lines)}</pre>
          <div className="h-8" />
        </div>
        <textarea
          ref={field}
          id={id}
          value={value}
          readOnly={onChange === undefined}
          wrap="off"
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          autoCorrect="off"
          maxLength={mostCharacters}
          aria-invalid={faultId !== undefined}
          aria-errormessage={faultId}
          className="min-w-0 grow resize-none bg-transparent px-3 py-2 leading-5 outline-none"
          onChange={(event) => onChange?.(event.currentTarget.value)}
          onScroll={(event) => {
            if (numbers.current !== null) numbers.current.scrollTop = event.currentTarget.scrollTop;
          }}
        />
      </div>
    </div>
  );
}

/** leading-5 */
const lineHeight = 20;

/** The server reads no more (policyText in shared/protocol/response-api.ts). */
const mostCharacters = 512 * 1024;

const lineNumbers = (lines: number): string => Array.from({ length: lines }, (_, at) => at + 1).join("\n");

/** Puts the caret at the start of a line, with the line chosen, and scrolls to it. */
export function goToLine(field: HTMLTextAreaElement, line: number): void {
  const lines = field.value.split("\n");
  const from = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  field.focus();
  field.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
  field.scrollTop = Math.max(0, (line - 4) * lineHeight);
}
