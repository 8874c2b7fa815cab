import { standings } from "@provost/shared/model/verdict.ts";
import type { Basis, Standing } from "@provost/shared/model/verdict.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import type { Ask } from "./ask.ts";
import { rankOf } from "./rows.ts";
import type { StoredProcess } from "./rows.ts";
import type { Mapped } from "./running.ts";

type Row = Answer<"processes">["rows"][number];
type MappedFile = Row["mapped"][number];

/** Letters of paths in one answer: a device may tell of few long paths that very many processes map. */
const answeredPathLetters = 16 * 1024 * 1024;

interface Place {
  readonly at: number;
  readonly file: string;
  readonly path: string;
  readonly standing: Standing | null;
  readonly basis: Basis | null;
}

export function readProcesses(ask: Ask, device: string): Answer<"processes"> {
  const at = ask.number("SELECT running_at AS n FROM devices WHERE id = ?", device);
  const places = new Map(
    ask
      .all<Place>(
        `SELECT running_files.at, running_files.file, running_files.path, files.standing, files.basis
         FROM running_files LEFT JOIN files ON files.id = running_files.file WHERE running_files.device = ?`,
        device,
      )
      .map((place) => [place.at, place]),
  );
  const budget = { letters: answeredPathLetters };
  const rows = ask
    .all<StoredProcess>("SELECT * FROM processes WHERE device = ? ORDER BY pid", device)
    .map((row) => processRow(row, places, budget));
  return { rows, at };
}

/** Processes of this device that map the file, at most `limit`. */
export function processesMapping(ask: Ask, device: string, file: string, limit: number): readonly StoredProcess[] {
  const indices = new Set(
    ask
      .all<{ at: number }>("SELECT at FROM running_files WHERE file = ? AND device = ?", file, device)
      .map(({ at }) => at),
  );
  if (indices.size === 0) return [];
  return ask
    .all<StoredProcess>("SELECT * FROM processes WHERE device = ? ORDER BY pid", device)
    .filter((row) => (JSON.parse(row.files) as readonly Mapped[]).some(([at]) => indices.has(at)))
    .slice(0, limit);
}

function processRow(row: StoredProcess, places: ReadonlyMap<number, Place>, budget: { letters: number }): Row {
  const mapped = (JSON.parse(row.files) as readonly Mapped[]).flatMap(([at, note]) => {
    const place = places.get(at);
    return place === undefined ? [] : [mappedFile(place, note)];
  });
  const [program] = mapped;
  const worst = standings
    .toSorted((a, b) => rankOf[a] - rankOf[b])
    .find((standing) => mapped.some((file) => file.standing === standing));
  return {
    pid: row.pid,
    parent: row.parent,
    startedAt: row.started_at,
    ...(row.since_boot === null ? {} : { sinceBoot: row.since_boot }),
    user: row.user,
    command: row.command,
    ...(program?.executable === undefined ? {} : { executable: program.executable }),
    path: program?.path ?? "",
    standing: program?.standing ?? "unchecked",
    basis: program?.basis ?? "unreadable",
    worst: worst ?? "unchecked",
    mapped: withinBudget(mapped.slice(1), budget),
    ...(row.container === null ? {} : { container: row.container }),
  };
}

const mappedFile = (place: Place, note: string | undefined): MappedFile => ({
  ...(place.standing === null ? {} : { executable: place.file }),
  path: place.path,
  standing: place.standing ?? "unchecked",
  basis: place.basis ?? "unreadable",
  ...(note === undefined ? {} : { note }),
});

/** The worst of what does not fit is still in `worst`. */
function withinBudget(mapped: readonly MappedFile[], budget: { letters: number }): MappedFile[] {
  return mapped.filter((file) => {
    if (file.path.length > budget.letters) return false;
    budget.letters -= file.path.length;
    return true;
  });
}
