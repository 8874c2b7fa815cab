import type { ActionName } from "@provost/shared/model/command.ts";
import type { CommandStore } from "../response/command-store.ts";
import type { IncidentStore } from "./incident-store.ts";

/** Letting bytes run and taking something back contain nothing. */
const containing: ReadonlySet<ActionName> = new Set([
  "kill-process-tree",
  "quarantine-file",
  "block-digest",
  "isolate-host",
]);

/**
 * After a device told of a command: its incident is contained while an order of it stands verified on the incident's own device, and
 * open again once the last of them is undone. What a person closed stays closed. True: the incident's state changed.
 */
export function followContainment(
  command: string,
  commands: Pick<CommandStore, "one" | "verified">,
  incidents: Pick<IncidentStore, "one" | "put">,
): boolean {
  const id = commands.one(command)?.command.incident;
  const incident = id === undefined ? undefined : incidents.one(id);
  if (incident === undefined || incident.state === "closed") return false;
  const stands = commands.verified(incident.id, incident.device).some((action) => containing.has(action));
  const state = stands ? "contained" : "open";
  if (state === incident.state) return false;
  incidents.put({ ...incident, state });
  return true;
}
