import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useReducer, useRef, useState, type RefObject } from "react";

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
  readonly box: RefObject<HTMLDivElement | null>;
  readonly items: readonly { readonly index: number; readonly start: number }[];
  readonly total: number;
  readonly scrollTo: (index: number) => void;
}

/** The rows of a scrolling box that are on screen, as plain values (the adapter's object may not be memoised). */
export function useVirtualRows(options: VirtualOptions): VirtualRows {
  const { count, height, overscan, above = 0, startAt = 0, onScroll } = options;
  const box = useRef<HTMLDivElement>(null);
  const [, draw] = useReducer((drawn: number) => drawn + 1, 0);
  const settings = {
    count,
    overscan,
    scrollPaddingStart: above,
    estimateSize: () => height,
    getScrollElement: () => box.current,
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
  virtual.setOptions(settings);
  useLayoutEffect(() => virtual._didMount(), [virtual]);
  useLayoutEffect(() => virtual._willUpdate());
  useLayoutEffect(() => virtual.measure(), [height, virtual]);
  return {
    box,
    items: virtual.getVirtualItems(),
    total: virtual.getTotalSize(),
    scrollTo: (index) => virtual.scrollToIndex(index),
  };
}
