import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";

/** Copies one text and says that it did, in the button and to a screen reader. */
export function CopyButton({
  text,
  label,
  wide = false,
}: {
  readonly text: string;
  readonly label: string;
  readonly wide?: boolean;
}) {
  const [said, setSaid] = useState<"copied" | "failed">();
  useEffect(() => {
    if (said === undefined) return undefined;
    const timer = setTimeout(() => setSaid(undefined), 2000);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => setSaid("copied"),
      () => setSaid("failed"),
    );
  };
  const Icon = said === "copied" ? Check : Copy;
  const word = said === "copied" ? "Copied" : said === "failed" ? "Copy by hand" : "Copy";
  return (
    <button
      type="button"
      onClick={copy}
      aria-label={wide ? undefined : `Copy ${label}`}
      title={wide ? undefined : `Copy ${label}`}
      className={
        wide
          ? "button"
          : "inline-grid size-6 shrink-0 place-items-center rounded-md text-soft hover:bg-sunken hover:text-ink"
      }
    >
      <Icon size={14} aria-hidden="true" />
      {wide ? word : undefined}
      <output className="sr-only">{said === undefined ? "" : word}</output>
    </button>
  );
}
