import type { Api } from "@provost/shared/protocol/api.ts";
import { device, devices, newToken, processes } from "./devices.ts";
import { executable, executables } from "./executables.ts";
import type { Handler } from "./handler.ts";
import { overview, search } from "./overview.ts";
import { packageDetail, packages } from "./packages.ts";
import { session, signOut } from "./session.ts";

export const handlers: { readonly [Name in keyof Api]: Handler<Name> } = {
  session,
  signOut,
  overview,
  devices,
  device,
  processes,
  executables,
  executable,
  packages,
  package: packageDetail,
  search,
  newToken,
};
