import { readFileSync } from "node:fs";
import { safeText } from "@provost/shared/lib/path-text.ts";

/** passwd(5): user id to name, of this device's own file; directory services are not asked. */
export function userNames(): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const line of passwd().split("\n")) {
    const [name, , uid] = line.split(":");
    if (name !== undefined && uid !== undefined && /^\d+$/.test(uid) && !names.has(Number(uid)))
      names.set(Number(uid), safeText(name).slice(0, 100));
  }
  return names;
}

function passwd(): string {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return "";
  }
}
