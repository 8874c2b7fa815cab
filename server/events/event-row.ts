import type { Observed, ObservedProcess } from "@provost/shared/model/observed.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { eventSays, lineageOf } from "./describe.ts";

type EventRow = Answer<"events">["rows"][number];

/** An event in the API's words. `at` is never later than this server's clock, whatever the device's says. */
export function eventRow(event: Observed, device: string, deviceName: string, at: number): EventRow {
  const [process] = lineageOf(event.actor);
  return {
    id: event.id,
    device,
    deviceName,
    at,
    kind: event.kind,
    says: eventSays(event).slice(0, 2000),
    process: process ?? { pid: 0, startedAt: "0", executable: "", command: "" },
    facts: { ...processFacts(event.actor), ...ownFacts(event) },
  };
}

const processFacts = ({ parent, directory, cgroup, loginUser, sha256 }: ObservedProcess): Record<string, string> =>
  texts({
    "started by": parent === undefined ? undefined : `${parent.executable || parent.name} (${parent.pid})`,
    in: directory,
    "control group": cgroup,
    "login user": loginUser,
    sha256,
  });

function ownFacts(event: Observed): Record<string, string> {
  if (event.kind === "exec" || event.kind === "judged")
    return texts({
      script: event.script,
      "the script's sha256": event.scriptSha256,
      "the script's worth":
        event.scriptWorth === undefined ? undefined : `${event.scriptWorth.standing}: ${event.scriptWorth.basis}`,
      "written by": event.writtenBy?.executable,
      "has no file": event.unnamed,
    });
  if (event.kind === "file")
    return texts({ path: event.path, package: event.package, "the file's sha256": event.sha256 });
  return {};
}

const texts = (facts: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
