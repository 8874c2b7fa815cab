import { Lock } from "lucide-react";

/** Why a button beside it cannot be used by whoever is signed in. */
export function Refusal({ why, id }: { readonly why: string; readonly id?: string }) {
  return (
    <span id={id} className="flex items-center gap-1.5 text-xs text-soft">
      <Lock size={13} aria-hidden="true" className="shrink-0" />
      {`${why.slice(0, 1).toUpperCase()}${why.slice(1)}.`}
    </span>
  );
}
