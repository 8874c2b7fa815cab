import { useEffect, useRef } from "react";

/** The line of a list an event happened in: lines carry their index as data-row. */
export function lineAt(target: EventTarget | null): number | undefined {
  const line = target instanceof HTMLElement ? target.closest<HTMLElement>("[data-row]") : null;
  return line === null ? undefined : Number(line.dataset["row"]);
}

/** Focuses a line, or what stands in it, once the virtualiser has drawn it. */
export function focusLine(box: HTMLElement | null, index: number, inside = ""): void {
  requestAnimationFrame(() =>
    box?.querySelector<HTMLElement>(`[data-row="${index}"]${inside}`)?.focus({ preventScroll: true }),
  );
}

/** Keys pressed anywhere in a list are heard once, at its box. */
export function useListKeys(box: HTMLElement | null, onKey: (event: KeyboardEvent) => void): void {
  const heard = useRef(onKey);
  useEffect(() => {
    heard.current = onKey;
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => heard.current(event);
    box?.addEventListener("keydown", listen);
    return () => box?.removeEventListener("keydown", listen);
  }, [box]);
}
