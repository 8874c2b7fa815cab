import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { LineageProcess } from "@provost/shared/model/detection.ts";
import type { JudgedPart, Observed, ObservedJudged, ObservedProcess } from "@provost/shared/model/observed.ts";

/** An event in one line, for a list and a timeline. */
export function eventSays(event: Observed): string {
  switch (event.kind) {
    case "exec":
      return `${nameOf(event.actor)} started: ${commandOf(event.actor)}`;
    case "judged":
      return `${nameOf(event.actor)}, started before: ${event.adds.map((part) => judgedSays(event, part)).join(", ")}`;
    case "exit":
      return `${nameOf(event.actor)} ended with ${event.status}`;
    case "file":
      return `${nameOf(event.actor)} ${changeWords[event.change]} ${event.path}${event.before === undefined ? "" : ` (was ${event.before})`}${
        event.count === undefined ? "" : ` and others, ${event.count} so far`
      }`;
    case "connection":
      return event.initiated
        ? `${nameOf(event.actor)} connected to ${endOf(event.remote)}`
        : `${nameOf(event.actor)} took a connection from ${endOf(event.remote)}`;
    case "listen":
      return `${nameOf(event.actor)} listens at ${endOf(event.local)}`;
    case "module":
      return `${nameOf(event.actor)} loaded the kernel module ${event.module}`;
    case "reach":
      return `${nameOf(event.actor)} reached into ${event.target.executable || "a process"} (${event.target.pid})`;
    case "memory":
      return event.what === "memfd"
        ? `${nameOf(event.actor)} made memory that can be executed: ${event.name}`
        : `${nameOf(event.actor)} loaded ${event.name}`;
    default:
      return unreachable(event);
  }
}

function judgedSays({ actor, scriptWorth }: ObservedJudged, part: JudgedPart): string {
  const worth = part === "program" ? actor.worth : scriptWorth;
  return `the ${part} is ${worth === undefined ? "read" : `${worth.standing} (${worth.basis})`}`;
}

const changeWords = {
  created: "made",
  written: "wrote",
  renamed: "renamed",
  deleted: "deleted",
  attributes: "changed the attributes of",
  opened: "opened",
} as const;

const endOf = ({ address, port, name }: { address: string; port: number; name?: string }): string =>
  `${name ?? (address.includes(":") ? `[${address}]` : address)}:${port}`;

export const nameOf = ({ executable, name, pid }: ObservedProcess): string => `${executable || name} (${pid})`;

export const commandOf = ({ arguments: words, executable }: ObservedProcess): string =>
  (words.length === 0 ? executable : words.join(" ")).slice(0, 1000);

/** The process, its parent and so on, the nearest first. */
export function lineageOf(process: ObservedProcess): LineageProcess[] {
  const found: LineageProcess[] = [];
  for (let at: ObservedProcess | undefined = process; at !== undefined && found.length < 32; at = at.parent)
    found.push({
      pid: at.pid,
      startedAt: at.startedAt,
      executable: at.executable,
      command: commandOf(at),
      ...(at.user === undefined ? {} : { user: at.user }),
      ...(at.worth === undefined ? {} : { worth: at.worth }),
    });
  return found;
}
