import type { Read } from "../store.ts";
import type { Ask } from "./ask.ts";
import { plain } from "./page.ts";
import { executableRows } from "./read-overview.ts";
import type { StoredDevice } from "./rows.ts";

interface FoundIncident {
  readonly id: string;
  readonly sentence: string;
  readonly state: string;
  readonly severity: string;
  readonly device: string;
}

export function readSearch(ask: Ask): Pick<Read, "search"> {
  return {
    search(text) {
      const wanted = text.trim().toLowerCase();
      if (wanted === "") return { hits: [] };
      const devices = ask.all<StoredDevice>(
        "SELECT * FROM devices WHERE instr(lower(name), ?) > 0 OR id = ? ORDER BY name LIMIT 5",
        wanted,
        wanted,
      );
      const packages = ask.all<{ purl: string; name: string; version: string }>(
        `SELECT purl, min(name) AS name, min(version) AS version FROM installs WHERE instr(lower(name), ?) > 0
         GROUP BY purl ORDER BY min(name) = ? DESC, length(min(name)), min(name), purl LIMIT 6`,
        wanted,
        wanted,
      );
      const hex = /^[0-9a-f]{6,64}$/.test(wanted) ? wanted : "-";
      const files = executableRows(
        ask,
        `WHERE path LIKE ? ESCAPE '\\' OR (digest >= ? AND digest < ?)
         ORDER BY path LIKE ? ESCAPE '\\' DESC, running DESC, length(path), path LIMIT 10`,
        `%${plain(wanted)}%`,
        hex,
        `${hex}g`,
        `%/${plain(wanted)}`,
      );
      const incidents = ask.all<FoundIncident>(
        `SELECT incidents.id, incidents.sentence, incidents.state, incidents.severity, coalesce(devices.name, incidents.device) AS device
         FROM incidents LEFT JOIN devices ON devices.id = incidents.device
         WHERE incidents.id = ? OR sentence LIKE ? ESCAPE '\\' ORDER BY last_at DESC LIMIT 5`,
        wanted,
        `%${plain(wanted)}%`,
      );
      return {
        hits: [
          ...devices.map((row) => ({ kind: "device" as const, id: row.id, title: row.name, detail: row.id })),
          ...incidents.map((row) => ({
            kind: "incident" as const,
            id: row.id,
            title: row.sentence,
            detail: `${row.device}, ${row.severity}, ${row.state}`,
          })),
          ...files.map((row) => ({
            kind: "executable" as const,
            id: row.id,
            title: row.root + row.path,
            detail: `${row.deviceName} ${row.digest?.slice(0, 16) ?? ""}`.trim(),
            standing: row.standing,
          })),
          ...packages.map((row) => ({
            kind: "package" as const,
            id: row.purl,
            title: `${row.name} ${row.version}`,
            detail: row.purl,
          })),
        ].slice(0, 20),
      };
    },
  };
}
