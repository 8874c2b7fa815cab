import type { StoredBundle } from "./triage-store.ts";

/** Whose it is and when it came, in letters that every file system takes. */
export const fileNameOf = ({ device, at, command }: StoredBundle): string =>
  `provost-triage-${device}-${new Date(at).toISOString().slice(0, 19).replaceAll(":", "")}-${command}.json.gz`;
