import { useEffect, useRef } from "react";

/** The line of a list an event happened in: lines carry their index as data-row. */
export function lineAt(target: EventTarget | null): number | undefined {
  const line = target instanceof HTMLElement ? target.closest<HTMLElement>("[data-row]") : null;
  return line === null ? undefined : Number(line.dataset["row"]);
}

/** Focuses a line, or what stands in it: at once where it is drawn, else as soon as the virtualiser has drawn it. */
export function focusLine(box: HTMLElement | null, index: number, inside = "", frames = 30): void {
  const line = box?.querySelector<HTMLElement>(`[data-row="${index}"]${inside}`);
  if (line !== undefined && line !== null) line.focus({ preventScroll: true });
  else if (frames > 0) requestAnimationFrame(() => focusLine(box, index, inside, frames - 1));
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
