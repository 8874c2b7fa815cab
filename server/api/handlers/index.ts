import type { Api } from "@provost/shared/protocol/api.ts";
import { audit, auditChain } from "./audit.ts";
import { cancelCommand, commands, decideRequest, newCommand, previewCommand } from "./commands.ts";
import { device, devices, newToken, processes } from "./devices.ts";
import { events } from "./events.ts";
import { executable, executables } from "./executables.ts";
import { decisions, deviceAlarms, deviceDecisions, findings, requests } from "./gate.ts";
import type { Handler } from "./handler.ts";
import { closeIncident, detections, incident, incidents } from "./incidents.ts";
import { overview, search } from "./overview.ts";
import { packageDetail, packages } from "./packages.ts";
import { policies, policy, publishPolicy, rehearsePolicy, turnOnRing } from "./policies.ts";
import { session, signOut } from "./session.ts";

export const handlers: { readonly [Name in keyof Api]: Handler<Name> } = {
  session,
  signOut,
  overview,
  devices,
  device,
  processes,
  deviceDecisions,
  deviceAlarms,
  decisions,
  findings,
  requests,
  events,
  incidents,
  incident,
  closeIncident,
  detections,
  commands,
  previewCommand,
  newCommand,
  cancelCommand,
  decideRequest,
  policies,
  policy,
  rehearsePolicy,
  publishPolicy,
  turnOnRing,
  audit,
  auditChain,
  executables,
  executable,
  packages,
  package: packageDetail,
  search,
  newToken,
};
