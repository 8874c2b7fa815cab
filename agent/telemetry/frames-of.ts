import type { Observed } from "@provost/shared/model/observed.ts";
import { EventsFrame, packEvents } from "@provost/shared/protocol/event-frames.ts";

/** Well below what a message may be, packed: what cannot be compressed has to fit, too. */
export const mostFrameCharacters = 512 * 1024;

export interface Framed {
  readonly frames: readonly EventsFrame[];
  /** Events that the protocol has no room for, whatever they were made of. */
  readonly unfit: number;
}

/**
 * Events as frames that the server takes. Programs choose their arguments and paths: a frame that is refused would be sent again for ever,
 * and nothing after it would arrive. So each is looked at as the server looks at it.
 */
export function framesOf(events: readonly Observed[]): Framed {
  if (events.length === 0) return { frames: [], unfit: 0 };
  const frame = packEvents(events);
  const fits = JSON.stringify(frame).length <= mostFrameCharacters && EventsFrame.safeParse(frame).success;
  if (fits) return { frames: [frame], unfit: 0 };
  if (events.length === 1) return { frames: [], unfit: 1 };
  const half = Math.ceil(events.length / 2);
  const [before, after] = [framesOf(events.slice(0, half)), framesOf(events.slice(half))];
  return { frames: [...before.frames, ...after.frames], unfit: before.unfit + after.unfit };
}
