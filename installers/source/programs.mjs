// The files that are started as programs, one process each. Both bundles carry all of them: the one that runs from source and the one in packages.

export const agentPrograms = {
  main: "agent/main.ts",
  scan: "agent/inventory/scan.ts",
  look: "agent/gate/look.ts",
  notify: "agent/gate/notify.ts",
  triage: "agent/triage/collect.ts",
};
export const serverPrograms = { main: "server/main.ts" };
