import { AppError } from "@provost/shared/lib/app-error.ts";
import type { ActionOrder } from "@provost/shared/model/command.ts";
import { isDeviceId } from "@provost/shared/model/ids.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import { decideRequest as decide } from "../../response/approve.ts";
import { refusesPerson } from "@provost/shared/model/role.ts";
import type { StoredSession } from "../../store/store.ts";
import type { Parts } from "../parts.ts";
import type { Handler } from "./handler.ts";

export const commands: Handler<"commands"> = ({ query, parts }) => parts.store.commands.commands(query);

export const previewCommand: Handler<"previewCommand"> = ({ query, parts, session }) => {
  authorise(session, query.scope.kind);
  return parts.response.preview(devicesOf(query.scope, parts), query.order as ActionOrder);
};

export const newCommand: Handler<"newCommand"> = ({ query, parts, session }) => {
  authorise(session, query.scope.kind);
  const { order, reason, incident, confirmed } = query;
  const by = session.user;
  const issued = parts.response.issue(devicesOf(query.scope, parts), {
    order: order as ActionOrder,
    reason,
    by,
    incident,
    confirmed,
  });
  const wanted = new Set(issued.map(({ id }) => id));
  const { rows } = parts.store.commands.commands({ limit: Math.min(500, wanted.size + 100), sort: "-issuedAt" });
  return { commands: rows.filter(({ id }) => wanted.has(id)) };
};

export const cancelCommand: Handler<"cancelCommand"> = ({ id, parts, session }) => {
  authorise(session, "device");
  if (parts.store.commands.one(id) === undefined) return undefined;
  parts.response.cancel(id, session.user);
  return {};
};

export const decideRequest: Handler<"decideRequest"> = ({ id, query, parts, session }) => {
  authorise(session, query.scope);
  const decided = decide(id, query, session.user, parts);
  if (decided !== undefined) parts.live.changed("requests", "", 1);
  return decided;
};

export function authorise({ role }: StoredSession, scope: "device" | "fleet"): void {
  const refused = refusesPerson(role, scope);
  if (refused !== undefined) throw new AppError("NOT_ALLOWED", refused);
}

function devicesOf(
  scope: { readonly kind: "device"; readonly device: string } | { readonly kind: "fleet" },
  { store }: Parts,
): readonly DeviceId[] {
  if (scope.kind === "fleet") return store.inventory.deviceIds();
  if (!isDeviceId(scope.device) || store.inventory.device(scope.device) === undefined)
    throw new AppError("NOT_FOUND", "there is no such device");
  return [scope.device];
}
