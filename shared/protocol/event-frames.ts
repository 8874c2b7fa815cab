import * as z from "zod/mini";
import { judgedParts, observedLimits } from "../model/observed.ts";
import type { Observed, ObservedProcess } from "../model/observed.ts";
import type { Instant } from "../model/ids.ts";
import { bases, standings } from "../model/verdict.ts";
import { count, digest, placeText, text } from "./small-fields.ts";
import { limits } from "./limits.ts";

/**
 * What a device saw, as it travels: each process once, events point into the list. In the telemetry lane: a full spool drops the oldest
 * and tells how much.
 */

const charactersOf = (words: readonly string[]): number => words.reduce((sum, { length }) => sum + length, 0);
const started = z.string().check(z.regex(/^\d{1,20}$/));
const Worth = z.object({
  standing: z.enum(standings),
  basis: z.enum(bases),
  sha256: z.optional(digest),
  package: z.optional(text(2000)),
});
const Process = z.object({
  pid: count,
  startedAt: started,
  executable: placeText,
  arguments: z.array(text(observedLimits.characters)).check(
    z.maxLength(limits.argumentsPerProcess),
    z.refine((words) => charactersOf(words) <= observedLimits.characters, "more characters than arguments may have"),
  ),
  directory: z.optional(placeText),
  uid: count,
  gid: count,
  loginUid: z.optional(count),
  user: z.optional(text(100)),
  loginUser: z.optional(text(100)),
  session: z.optional(count),
  name: text(64),
  sha256: z.optional(digest),
  worth: z.optional(Worth),
  cgroup: z.optional(placeText),
  parent: z.optional(count),
});
const Key = { pid: count, startedAt: started, executable: placeText };
const End = z.object({ address: text(100), port: count, name: z.optional(text(300)) });

const eventId = z.string().check(z.regex(/^[0-9a-z-]{1,40}$/));
const seen = { id: eventId, at: count, actor: count };
const startFields = {
  script: z.optional(placeText),
  scriptSha256: z.optional(digest),
  scriptWorth: z.optional(Worth),
  unnamed: z.optional(z.enum(["memory", "unlinked"])),
  writtenBy: z.optional(z.object({ ...Key, at: count })),
};
const Item = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("exec"), ...seen, ...startFields }),
  z.object({
    kind: z.literal("judged"),
    ...seen,
    ...startFields,
    start: eventId,
    adds: z.readonly(z.array(z.enum(judgedParts)).check(z.minLength(1), z.maxLength(judgedParts.length))),
  }),
  z.object({ kind: z.literal("exit"), ...seen, status: count }),
  z.object({
    kind: z.literal("file"),
    ...seen,
    change: z.enum(["created", "written", "renamed", "deleted", "attributes", "opened"]),
    path: placeText,
    root: z.optional(placeText),
    before: z.optional(placeText),
    sha256: z.optional(digest),
    package: z.optional(text(2000)),
    count: z.optional(count),
    spread: z.optional(z.literal(true)),
  }),
  z.object({
    kind: z.literal("connection"),
    ...seen,
    protocol: z.enum(["tcp", "udp"]),
    initiated: z.boolean(),
    local: End,
    remote: End,
  }),
  z.object({ kind: z.literal("listen"), ...seen, protocol: z.enum(["tcp", "udp"]), local: End }),
  z.object({ kind: z.literal("module"), ...seen, module: text(300) }),
  z.object({ kind: z.literal("reach"), ...seen, target: z.object(Key), request: count }),
  z.object({
    kind: z.literal("memory"),
    ...seen,
    what: z.enum(["memfd", "library"]),
    name: placeText,
    sha256: z.optional(digest),
    worth: z.optional(Worth),
  }),
]);

export const EventsFrame = z
  .object({
    kind: z.literal("events"),
    processes: z.array(Process).check(z.maxLength(limits.processesPerEvents)),
    items: z.array(Item).check(z.minLength(1), z.maxLength(limits.eventsPerFrame)),
  })
  .check(
    z.refine(
      ({ processes, items }) => items.every(({ actor }) => actor < processes.length),
      "an event without its process",
    ),
    z.refine(
      ({ processes }) => processes.every(({ parent }) => parent === undefined || parent < processes.length),
      "a process without its parent",
    ),
  );
export type EventsFrame = z.infer<typeof EventsFrame>;

/** So many parents are looked at; the list cannot lead in a circle for longer. */
const mostParents = 32;

/** Room is left for whoever did something: a frame without one of them would be refused. */
const mostWithParents = limits.processesPerEvents - limits.eventsPerFrame;

/** Events as one frame. The caller gives at most `eventsPerFrame`; a process's parents come with it. */
export function packEvents(events: readonly Observed[]): EventsFrame {
  const index = new Map<string, number>();
  const processes: EventsFrame["processes"] = [];
  const at = (process: ObservedProcess): number => {
    const { parent, ...own } = process;
    const key = `${own.pid}@${own.startedAt} ${own.executable} ${own.arguments.length}`;
    const known = index.get(key);
    if (known !== undefined) return known;
    const row = { ...own, arguments: [...own.arguments] } as EventsFrame["processes"][number];
    index.set(key, processes.length);
    const place = processes.push(row) - 1;
    if (parent !== undefined && processes.length < mostWithParents) row.parent = at(parent);
    return place;
  };
  const items = events.map(({ host: _host, actor, ...rest }) => ({ ...rest, actor: at(actor) }));
  return { kind: "events", processes, items };
}

/** The events of one frame. Their names begin with the device's: no device can give its own the name of another's. */
export function unpackEvents(frame: EventsFrame, host: string): readonly Observed[] {
  const made = new Map<number, ObservedProcess>();
  const process = (place: number, depth: number): ObservedProcess | undefined => {
    const known = made.get(place);
    if (known !== undefined) return known;
    const row = frame.processes[place];
    if (row === undefined) return undefined;
    const { parent, ...own } = row;
    const above = parent === undefined || depth >= mostParents ? undefined : process(parent, depth + 1);
    const found = { ...own, ...(above === undefined ? {} : { parent: above }) } as ObservedProcess;
    made.set(place, found);
    return found;
  };
  return frame.items.flatMap(({ actor, ...item }) => {
    const by = process(actor, 0);
    return by === undefined
      ? []
      : [
          {
            ...item,
            id: `${host}.${item.id}`,
            ...(item.kind === "judged" ? { start: `${host}.${item.start}` } : {}),
            at: item.at as Instant,
            host,
            actor: by,
          } as Observed,
        ];
  });
}
