import type { Purl } from "@provost/shared/model/ids.ts";
import type { InstalledPackage } from "@provost/shared/model/inventory.ts";
import { limits } from "@provost/shared/protocol/limits.ts";
import { append } from "../spool/spool.ts";
import type { State } from "../state/state.ts";

interface PackageRow {
  readonly root: string;
  readonly location: string;
  readonly purl: Purl;
  readonly body: string;
}

/**
 * Makes the table say what is installed now, and tells the difference: what came, what changed, what went. Only a package
 * whose place was looked at can be gone.
 */
export function writePackages(
  state: State,
  installed: readonly InstalledPackage[],
  isLookedAt: (row: PackageRow) => boolean,
): void {
  state
    .transaction(() => {
      const before = new Map(allPackages(state).map((row) => [keyOf(row), row]));
      const now = new Map(installed.map((item) => [keyOf(item), item]));
      const upsert = state.prepare(
        "INSERT INTO packages (root, location, purl, body, pass) VALUES (?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET body = excluded.body",
      );
      const remove = state.prepare("DELETE FROM packages WHERE root = ? AND location = ? AND purl = ?");
      const upserts: InstalledPackage[] = [];
      for (const [key, item] of now) {
        const body = JSON.stringify(item);
        if (before.get(key)?.body === body) continue;
        upsert.run(item.root, item.location, item.purl, body);
        upserts.push(item);
      }
      const gone = [...before].filter(([key, row]) => !now.has(key) && isLookedAt(row)).map(([, row]) => row);
      for (const row of gone) remove.run(row.root, row.location, row.purl);
      tell(state, upserts, gone);
    })
    .immediate();
}

/** Everything in the table again, for a server that starts anew. The caller holds the transaction. */
export function retellPackages(state: State): void {
  tell(
    state,
    allPackages(state).map((row) => JSON.parse(row.body) as InstalledPackage),
    [],
  );
}

export const allPackages = (state: State): readonly PackageRow[] =>
  state.prepare<[], PackageRow>("SELECT root, location, purl, body FROM packages").all();

const keyOf = (item: { root: string; location: string; purl: string }): string =>
  `${item.root}\n${item.location}\n${item.purl}`;

function tell(state: State, upserts: readonly InstalledPackage[], gone: readonly PackageRow[]): void {
  const step = limits.packagesPerFrame;
  for (let at = 0; at < upserts.length; at += step)
    append(state, { kind: "packages", upserts: upserts.slice(at, at + step), gone: [] });
  for (let at = 0; at < gone.length; at += step)
    append(state, {
      kind: "packages",
      upserts: [],
      gone: gone.slice(at, at + step).map(({ root, location, purl }) => ({ root, location, purl })),
    });
}
