import { count } from "./number-words.ts";

/** Older lines are not kept for ever; how many went is said. */
export function Dropped({ count: dropped }: { readonly count: number }) {
  return dropped === 0 ? undefined : (
    <p className="text-xs">
      {count(dropped)} older ones are no longer kept: each device has room for so many, for 90 days.
    </p>
  );
}
