import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useReducer, useRef, useState } from "react";

interface VirtualOptions {
  readonly count: number;
  readonly height: number;
  readonly overscan: number;
  /** What stands still above the rows inside the scrolling box. */
  readonly above?: number;
  readonly startAt?: number;
  readonly onScroll?: (offset: number) => void;
}

export interface VirtualRows {
  /** The scrolling box once it is drawn, and the ref that finds it. */
  readonly box: HTMLDivElement | null;
  readonly boxRef: (box: HTMLDivElement | null) => void;
  readonly items: readonly { readonly index: number; readonly start: number }[];
  readonly total: number;
  readonly scrollTo: (index: number) => void;
}

/** The rows of a scrolling box that are on screen, as plain values (the adapter's object may not be memoised). */
export function useVirtualRows(options: VirtualOptions): VirtualRows {
  const { count, height, overscan, above = 0, startAt = 0, onScroll } = options;
  const [box, boxRef] = useState<HTMLDivElement | null>(null);
  const [, draw] = useReducer((drawn: number) => drawn + 1, 0);
  const settings = {
    count,
    overscan,
    scrollPaddingStart: above,
    estimateSize: () => height,
    getScrollElement: () => box,
    initialOffset: startAt,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: (now: Virtualizer<HTMLDivElement, Element>) => {
      draw();
      onScroll?.(now.scrollOffset ?? 0);
    },
  };
  const [virtual] = useState(() => new Virtualizer<HTMLDivElement, Element>(settings));
  const measured = useRef(height);
  virtual.setOptions(settings);
  useLayoutEffect(() => virtual._didMount(), [virtual]);
  useLayoutEffect(() => virtual._willUpdate());
  useLayoutEffect(() => {
    if (measured.current === height) return;
    measured.current = height;
    virtual.measure();
  }, [height, virtual]);
  return {
    box,
    boxRef,
    items: virtual.getVirtualItems(),
    total: virtual.getTotalSize(),
    scrollTo: (index) => virtual.scrollToIndex(index),
  };
}
