import type { StoredSession } from "../store/store.ts";

type Role = StoredSession["role"];

/** Why this person may not change anything of that scope; undefined: they may. Pure. */
export function refusesPerson(role: Role, scope: "device" | "fleet"): string | undefined {
  switch (role) {
    case "owner":
      return undefined;
    case "analyst":
      return scope === "device" ? undefined : "what concerns every device is for the owner";
    case "auditor":
      return "an auditor reads, and changes nothing";
    default:
      return role satisfies never;
  }
}
