import { RefreshCw } from "lucide-react";
import { count } from "./number-words.ts";

/** Live changes say how many; only a click brings them into the list. */
export function News({
  changed,
  missed,
  show,
}: {
  readonly changed: number;
  readonly missed: boolean;
  readonly show: () => void;
}) {
  return (
    <output className="inline-flex">
      {changed === 0 && !missed ? undefined : (
        <button type="button" className="button border-accent text-accent" onClick={show}>
          <RefreshCw size={14} aria-hidden="true" />
          {changed > 0 ? `${count(changed)} new` : "Changes were missed"}
          <span className="sr-only">, load the list again</span>
        </button>
      )}
    </output>
  );
}
