import type { Level, Worth } from "@provost/shared/model/detection.ts";
import type { Instant } from "@provost/shared/model/ids.ts";
import type { Observed, ObservedProcess } from "@provost/shared/model/observed.ts";

/** What one device saw, in this order, and what a rule says of it: nothing, where it is honest work. */
export interface RuleCase {
  readonly says: string;
  readonly events: readonly Observed[];
  readonly finds: readonly (readonly [level: Level, sentence: string])[];
}

/** Who signed it is known; a package's record names it; nothing claims it. */
export const signed: Worth = { standing: "signed", basis: "publisher" };
export const recorded: Worth = { standing: "unproven", basis: "recorded" };
export const unclaimed: Worth = { standing: "unproven", basis: "none" };

/** A process from its command line, below another. One of a package, unless `more` says otherwise. */
export function running(
  command: string,
  above?: ObservedProcess,
  more: Partial<ObservedProcess> = {},
): ObservedProcess {
  const pid = more.pid ?? (above?.pid ?? 100) + 1;
  const [executable = "", ...words] = command.split(" ");
  return {
    pid,
    startedAt: `${pid * 10_000_000}`,
    executable,
    arguments: [executable, ...words],
    uid: 0,
    gid: 0,
    name: (executable.split("/").at(-1) ?? "").slice(0, 15),
    worth: recorded,
    ...(above === undefined ? {} : { parent: above }),
    ...more,
  };
}

/** A shell with a command, which holds blanks itself. */
export const shell = (command: string, above?: ObservedProcess, more: Partial<ObservedProcess> = {}): ObservedProcess =>
  running("/bin/sh", above, { arguments: ["sh", "-c", command], ...more });

export const minutes = (count: number): Instant => (1_800_000_000_000 + count * 60_000) as Instant;

type More<Kind extends Observed["kind"]> = Partial<Extract<Observed, { kind: Kind }>>;
const seen = { id: "", at: minutes(0), host: "" };

export const exec = (actor: ObservedProcess, more: More<"exec"> = {}): Observed => ({
  ...seen,
  kind: "exec",
  actor,
  ...more,
});

export const file = (
  actor: ObservedProcess,
  change: Extract<Observed, { kind: "file" }>["change"],
  path: string,
  more: More<"file"> = {},
): Observed => ({ ...seen, kind: "file", actor, change, path, ...more });

export const connection = (
  actor: ObservedProcess,
  address: string,
  port: number,
  more: More<"connection"> = {},
): Observed => ({
  ...seen,
  kind: "connection",
  actor,
  protocol: "tcp",
  initiated: true,
  local: { address: "192.0.2.1", port: 40_000 },
  remote: { address, port },
  ...more,
});

export const listen = (actor: ObservedProcess, address: string, port: number, more: More<"listen"> = {}): Observed => ({
  ...seen,
  kind: "listen",
  actor,
  protocol: "tcp",
  local: { address, port },
  ...more,
});

/** Who wrote a file, as the start of that file tells. */
export const by = ({ pid, startedAt, executable }: ObservedProcess, at: Instant = minutes(0)) => ({
  writtenBy: { pid, startedAt, executable, at },
});
