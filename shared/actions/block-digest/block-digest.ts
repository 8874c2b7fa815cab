import type { Action } from "../action.ts";

export const blockDigest: Action<"block-digest"> = {
  name: "block-digest",
  says: ({ sha256 }) => `Block files with the digest ${sha256.slice(0, 12)}`,
  plan: ({ sha256, expires }) => [{ step: "deny-digest", sha256, ...(expires === undefined ? {} : { expires }) }],
};
