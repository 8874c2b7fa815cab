import type { Action } from "../action.ts";

export const isolateHost: Action<"isolate-host"> = {
  name: "isolate-host",
  says: ({ except }) =>
    `Isolate the device: only this server${except.length === 0 ? "" : ` and ${except.join(", ")}`} stays reachable`,
  plan: ({ except }) => [{ step: "cut-network", except }],
};
