import type { LiveEvent as LiveEventSchema } from "@provost/shared/protocol/api.ts";

/** One line of the live stream. */
export type LiveEvent = (typeof LiveEventSchema)["_output"];
export type Topic = LiveEvent["topic"];

const none: Readonly<Record<Topic, number>> = {
  devices: 0,
  executables: 0,
  packages: 0,
  running: 0,
  proofs: 0,
  decisions: 0,
  findings: 0,
  requests: 0,
  events: 0,
  commands: 0,
  incidents: 0,
  policies: 0,
  audit: 0,
};
const topics = Object.keys(none) as Topic[];
/** Beyond this many devices, changes are counted for the fleet alone. */
export const deviceLimit = 1000;

/** How much has changed since the console was opened. A list remembers the counters it was loaded at. */
export interface Counters {
  readonly all: Readonly<Record<Topic, number>>;
  readonly byDevice: ReadonlyMap<string, Readonly<Partial<Record<Topic, number>>>>;
  /** Times the stream broke: what happened meanwhile was not counted. */
  readonly gaps: number;
}

export const noCounters: Counters = { all: none, byDevice: new Map(), gaps: 0 };

export function counted(counters: Counters, event: LiveEvent): Counters {
  const all = { ...counters.all, [event.topic]: counters.all[event.topic] + event.changed };
  return { ...counters, all, byDevice: countedDevice(counters.byDevice, event) };
}

export const withGap = (counters: Counters): Counters => ({ ...counters, gaps: counters.gaps + 1 });

/** What is new since `mark`, for the fleet or one device. */
export function since(
  now: Counters,
  mark: Counters,
  topic: Topic,
  device?: string,
): { readonly changed: number; readonly missed: boolean } {
  const count = (counters: Counters): number =>
    device === undefined || counters.byDevice.size >= deviceLimit
      ? counters.all[topic]
      : (counters.byDevice.get(device)?.[topic] ?? 0);
  return { changed: Math.max(0, count(now) - count(mark)), missed: now.gaps > mark.gaps };
}

/** The stream is text from outside: anything that is not an event of the protocol is not counted. */
export function liveEventFrom(line: string): LiveEvent | undefined {
  if (line.length > 4096) return undefined;
  const value = parsed(line);
  const topic = topics.find((each) => each === value["topic"]);
  const { changed, at, device } = value;
  if (topic === undefined || !isCount(changed) || !isCount(at)) return undefined;
  if (device === undefined) return { topic, changed, at };
  return typeof device === "string" && device.length <= 60 ? { topic, changed, at, device } : undefined;
}

/** Full jitter: between nothing and twice as long each time, at most half a minute. */
export const backoff = (attempt: number, random: number): number =>
  Math.round(random * Math.min(30_000, 1000 * 2 ** Math.min(attempt, 10)));

function countedDevice(byDevice: Counters["byDevice"], event: LiveEvent): Counters["byDevice"] {
  if (event.device === undefined) return byDevice;
  const before = byDevice.get(event.device);
  if (before === undefined && byDevice.size >= deviceLimit) return byDevice;
  const count = (before?.[event.topic] ?? 0) + event.changed;
  return new Map(byDevice).set(event.device, { ...before, [event.topic]: count });
}

function parsed(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
