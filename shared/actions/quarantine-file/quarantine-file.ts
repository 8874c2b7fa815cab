import type { Action } from "../action.ts";

/** Its bytes are denied first: other names and copies of the file stay where they are. */
export const quarantineFile: Action<"quarantine-file"> = {
  name: "quarantine-file",
  says: ({ root, path }) => `Quarantine ${root}${path}`,
  plan: ({ root, path, sha256 }) => [
    { step: "deny-digest", sha256 },
    { step: "seal-file", root, path, sha256 },
  ],
};
