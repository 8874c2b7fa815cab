import type { Level } from "@provost/shared/model/detection.ts";
import { weight } from "../detection/run.ts";
import type { StoredIncident } from "../incidents/incident-store.ts";
import { planFor } from "../incidents/story.ts";
import type { Store } from "../store/store.ts";
import type { Response } from "./issue.ts";

/**
 * Nothing goes on by itself for ever: beyond it a person has to look. Isolating the device is one order more, whatever came before it: many
 * dropped files must not keep it from coming.
 */
const mostPerIncident = 10;

/**
 * Contains an incident without a person, where the owner said from which severity on. What was ordered once for an incident is not
 * ordered again; what a guard refuses waits for a person. Bytes are kept from starting on every device, all else concerns the incident's own.
 */
export function openAutomatic(
  from: Level | "off",
  store: Pick<Store, "commands" | "detections" | "inventory">,
  response: Response,
  log: (line: string) => void,
): (incident: StoredIncident) => void {
  if (from === "off") return () => undefined;
  return ({ id, device, severity, sentence }) => {
    if (weight[severity] < weight[from]) return;
    const { rows } = store.commands.commands({ incident: id, device, limit: 100, sort: "issuedAt" });
    const given = new Set(rows.map(({ order }) => JSON.stringify(order)));
    const plan = planFor(severity, store.detections.ofIncident(id, 500)).filter(
      ({ order }) => !given.has(JSON.stringify(order)),
    );
    const isolates = plan.filter(({ order }) => order.action === "isolate-host");
    const others = plan.filter(({ order }) => order.action !== "isolate-host");
    const room = mostPerIncident - rows.filter(({ order }) => order.action !== "isolate-host").length;
    for (const { order, title } of [...others.slice(0, Math.max(0, room)), ...isolates])
      try {
        response.issue(order.action === "block-digest" ? store.inventory.deviceIds() : [device], {
          order,
          reason: sentence.slice(0, 1000),
          by: "policy automatic",
          incident: id,
        });
      } catch (cause) {
        log(`response: ${title} waits for a person: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
  };
}
