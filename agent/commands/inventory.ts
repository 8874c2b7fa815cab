import type { EcosystemId, InstalledPackage } from "@provost/shared/model/inventory.ts";
import type { Standing } from "@provost/shared/model/verdict.ts";
import type { FileRow } from "../inventory/file-rows.ts";
import { factsOf } from "../inventory/file-rows.ts";
import type { State } from "../state/state.ts";
import type { ExitCode } from "./exit-codes.ts";
import { exitCodes } from "./exit-codes.ts";
import { toneOf } from "./render-verdict.ts";
import type { Request } from "./request.ts";
import { needState } from "./state-reader.ts";
import { jsonLine } from "./terminal.ts";

export interface InventoryFilter {
  readonly executables: boolean;
  readonly standing: Standing | undefined;
  readonly ecosystem: EcosystemId | undefined;
}

/** `provost inventory`: what is installed, or with `--executables` what could run, as the last pass left it. */
export function inventory(request: Request, filter: InventoryFilter): ExitCode {
  const state = needState(request.folder);
  try {
    const lines = filter.executables ? listFiles(state, filter, request) : listPackages(state, filter, request);
    const what = filter.executables ? "executable files" : "packages";
    request.terminal.note(`${lines} ${what}`);
    return exitCodes.asWanted;
  } finally {
    state.close();
  }
}

function listFiles(state: State, filter: InventoryFilter, { terminal, json, stop }: Request): number {
  const rows = state
    .prepare<[Record<string, string | null>], FileRow>(
      `SELECT * FROM files WHERE (@standing IS NULL OR standing = @standing)
       AND (@ecosystem IS NULL OR EXISTS (SELECT 1 FROM json_each(files.records) WHERE json_extract(value, '$.purl') LIKE @ecosystem))
       ORDER BY root, path`,
    )
    .iterate({ standing: filter.standing ?? null, ecosystem: purlPattern(filter.ecosystem) });
  let count = 0;
  for (const row of rows) {
    if (stop.aborted) break;
    count += 1;
    const file = row.root + row.path;
    if (json) {
      const { records, ...facts } = factsOf(row);
      const owners = [...new Set(records.map(({ purl }) => purl))];
      terminal.out(jsonLine({ file, standing: row.standing, basis: row.basis, says: row.says, owners, ...facts }));
    } else
      terminal.out(
        `${row.standing.padEnd(9)} ${row.basis.padEnd(12)} ${(row.digest ?? "").slice(0, 12).padEnd(12)} ${file}`,
        toneOf(row.standing),
      );
  }
  return count;
}

type Counts = Partial<Record<Standing, number>>;

function listPackages(state: State, filter: InventoryFilter, { terminal, json, stop }: Request): number {
  const counts = state.prepare<[string, string], { standing: Standing; count: number }>(
    "SELECT standing, count(*) AS count FROM owners JOIN files USING (root, path) WHERE owners.purl = ? AND owners.root = ? GROUP BY standing",
  );
  const proof = state.prepare<[string, string], { state: string }>(
    "SELECT state FROM proofs WHERE root = ? AND purl = ?",
  );
  const rows = state
    .prepare<[], { body: string }>("SELECT body FROM packages ORDER BY root, purl, location")
    .all()
    .map(({ body }) => JSON.parse(body) as InstalledPackage);
  let listed = 0;
  for (const item of rows) {
    if (stop.aborted) break;
    if (filter.ecosystem !== undefined && item.ecosystem !== filter.ecosystem) continue;
    const files: Counts = Object.fromEntries(counts.all(item.purl, item.root).map((row) => [row.standing, row.count]));
    if (filter.standing !== undefined && files[filter.standing] === undefined) continue;
    listed += 1;
    const proven = proof.get(item.root, item.purl)?.state;
    if (json) terminal.out(jsonLine({ ...item, files, proof: proven ?? null }));
    else terminal.out(packageLine(item, files));
  }
  return listed;
}

function packageLine(item: InstalledPackage, files: Counts): string {
  const counted = Object.entries(files).map(([standing, count]) => `${count} ${standing}`);
  const where = item.root === "" && item.ecosystem === "deb" ? "" : `  ${item.root}${item.location}`;
  const name = `${item.name} ${item.version}${item.arch === undefined ? "" : ` ${item.arch}`}`;
  return `${item.ecosystem.padEnd(5)} ${name}${where}${counted.length === 0 ? "" : `  (${counted.join(", ")})`}`;
}

const purlPattern = (ecosystem: EcosystemId | undefined): string | null =>
  ecosystem === undefined ? null : `pkg:${ecosystem}/%`;
