import { incidentDetail } from "../../incidents/detail.ts";
import { authorise } from "./commands.ts";
import type { Handler } from "./handler.ts";

export const incidents: Handler<"incidents"> = ({ query, parts }) => parts.store.incidents.incidents(query);

export const incident: Handler<"incident"> = ({ id, parts }) => incidentDetail(id, parts.store);

export const detections: Handler<"detections"> = ({ query, parts }) => parts.store.detections.detections(query);

export const closeIncident: Handler<"closeIncident"> = ({ id, query, parts, session }) => {
  authorise(session, "device");
  const moved = parts.store.inventory.transaction(() => {
    const changed = parts.incidents.setState(id, query.state, session.user, query.why, parts.now());
    if (changed !== undefined)
      parts.audit.note(
        "incident",
        session.user,
        `${query.state === "closed" ? "Closed" : "Opened again"}: ${query.why}`,
        {
          incident: id,
          device: changed.device,
        },
      );
    return changed;
  });
  if (moved === undefined) return undefined;
  parts.live.changed("incidents", moved.device, 1);
  return {};
};
