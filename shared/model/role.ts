/** What a signed-in person is to this server. */
export const roles = ["owner", "analyst", "auditor"] as const;
export type Role = (typeof roles)[number];

/** Why this person may not change anything of that scope; undefined: they may. The console says it before the server has to. */
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
