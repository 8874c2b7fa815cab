import type { Basis, Standing } from "@provost/shared/model/verdict.ts";
import type { State } from "../state/state.ts";

/** What the tables hold, in numbers. */
export interface Counts {
  readonly packages: number;
  readonly executables: number;
  readonly standings: Partial<Record<Standing, number>>;
  readonly bases: Partial<Record<Basis, number>>;
  readonly proofs: Readonly<Record<string, number>>;
}

export function countAll(state: State): Counts {
  const rows = state
    .prepare<[], { standing: Standing; basis: Basis; count: number }>(
      "SELECT standing, basis, count(*) AS count FROM files GROUP BY standing, basis ORDER BY count DESC",
    )
    .all();
  const standings: Partial<Record<Standing, number>> = {};
  for (const { standing, count } of rows) standings[standing] = (standings[standing] ?? 0) + count;
  const one = (sql: string): number => state.prepare<[], { count: number }>(sql).get()?.count ?? 0;
  return {
    packages: one("SELECT count(*) AS count FROM packages"),
    executables: one("SELECT count(*) AS count FROM files"),
    standings,
    bases: Object.fromEntries(rows.map(({ basis, count }) => [basis, count])),
    proofs: Object.fromEntries(
      state
        .prepare<[], { state: string; count: number }>("SELECT state, count(*) AS count FROM proofs GROUP BY state")
        .all()
        .map((row) => [row.state, row.count]),
    ),
  };
}

export const listed = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ") || "none";
