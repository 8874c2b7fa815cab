import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { Observed } from "@provost/shared/model/observed.ts";
import type { infer as Infer } from "zod";
import type { Answer, Api } from "@provost/shared/protocol/api.ts";
import type { EventsFrame } from "@provost/shared/protocol/frames.ts";

/** How many events are kept of one device, and how long. What goes is the oldest, counted; lists say how much went. */
export interface EventBounds {
  readonly events: number;
  /** As they lie in the database, packed. */
  readonly bytes: number;
  readonly days: number;
}
export const eventBounds: EventBounds = { events: 500_000, bytes: 256 * 1024 * 1024, days: 14 };

/** What devices saw. Calls inside `Inventory.transaction` are durable with it. */
export interface EventStore {
  /** Returns those that were new: the same one told again changes nothing. */
  put(device: DeviceId, frame: EventsFrame, now: number): readonly Observed[];
  /** The newest `most` of all devices in the order in which they came; what happened before `from` is left out. */
  since(from: number, most: number): Iterable<Observed>;
  one(id: string): Observed | undefined;
  events(query: Infer<Api["events"]["query"]>): Answer<"events">;
  trim(device: DeviceId, bounds: EventBounds): void;
  dropOlder(than: number): void;
}
