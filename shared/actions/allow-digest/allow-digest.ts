import type { Action } from "../action.ts";

export const allowDigest: Action<"allow-digest"> = {
  name: "allow-digest",
  says: ({ sha256, expires }) =>
    `Allow files with the digest ${sha256.slice(0, 12)} until ${new Date(expires).toISOString()}`,
  plan: ({ sha256, code, expires }) => [{ step: "allow-digest", sha256, code, expires }],
};
