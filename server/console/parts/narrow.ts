import { useSyncExternalStore } from "react";

const query = "(max-width: 51.99rem)";

/** A phone or a narrow window: the same width as the styles' `md`. */
export const useNarrow = (): boolean => useSyncExternalStore(watch, () => matchMedia(query).matches);

function watch(tell: () => void): () => void {
  const media = matchMedia(query);
  media.addEventListener("change", tell);
  return () => media.removeEventListener("change", tell);
}
