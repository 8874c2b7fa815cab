import { randomBytes } from "node:crypto";
import type { FileEvent, SensorHello } from "@provost/shared/model/event.ts";
import type { Instant } from "@provost/shared/model/ids.ts";
import type { Places } from "../gate/places.ts";
import type { ProcessTable } from "../gate/process-table.ts";
import { append, countLost } from "../spool/spool.ts";
import type { State } from "../state/state.ts";
import { framesOf } from "./frames-of.ts";
import type { KnownFiles } from "./known-files.ts";
import { Telemetry } from "./telemetry.ts";

/** The telemetry of a running gate, on its way to the server. */
export function openTelemetry(
  state: State,
  parts: {
    readonly files: KnownFiles;
    readonly places: Places;
    readonly processes: ProcessTable;
    readonly hello: () => Pick<SensorHello, "bootToUnix" | "pid"> | undefined;
    readonly made: (path: string) => void;
    readonly changed: (path: string) => void;
    readonly renamed: (event: FileEvent) => void;
    readonly userName: (uid: number) => string;
    readonly spooled: () => void;
  },
): Telemetry {
  return new Telemetry({
    name: randomBytes(4).toString("hex"),
    clock: () => performance.now(),
    instant: (sinceBoot) => Math.max(0, Math.round((sinceBoot + (parts.hello()?.bootToUnix ?? 0)) / 1e6)) as Instant,
    userName: parts.userName,
    file: (stamp) => parts.files.find(stamp),
    place: (path) => parts.places.split(path),
    owner: ({ root, path }) => parts.files.owner(root, path),
    before: (pid) => parts.processes.now(pid),
    tell(events) {
      const { frames, unfit } = framesOf(events);
      state
        .transaction(() => {
          for (const frame of frames) append(state, frame);
          if (unfit > 0) countLost(state, unfit);
        })
        .immediate();
      parts.spooled();
    },
    isOwn: ({ pid, parent }) => parent === process.pid || pid === process.pid || pid === parts.hello()?.pid,
    made: parts.made,
    changed: parts.changed,
    renamed: parts.renamed,
    dropped: (count) => countLost(state, count),
  });
}
