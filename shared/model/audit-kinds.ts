/** What an entry of the server's audit is about. */
export const auditKinds = [
  "sign-in",
  "command",
  "approval",
  "policy",
  "incident",
  "trust",
  "token",
  "device",
  "export",
] as const;
export type AuditKind = (typeof auditKinds)[number];
