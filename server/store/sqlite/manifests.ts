import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { AptSource } from "@provost/shared/model/inventory.ts";
import type { ChainLink, EvidenceRef } from "@provost/shared/model/verdict.ts";
import type { Database } from "better-sqlite3";
import type {
  ArchiveRecord,
  DerivedManifest,
  ManifestStore,
  PackageState,
  ProofCounts,
  WantedPackage,
} from "../../trust/manifest-store.ts";

/** In order; the store's own list of migrations takes them in. They need no other table. */
export const manifestMigrations: readonly string[] = [
  `CREATE TABLE apt_config (config TEXT PRIMARY KEY, sources TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE apt_archive (
     trust_key TEXT PRIMARY KEY, record TEXT NOT NULL, newest_seen INTEGER, checked_at INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE apt_refusal (
     id INTEGER PRIMARY KEY, trust_key TEXT NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL, says TEXT NOT NULL
   );
   CREATE TABLE index_lookup (
     index_sha256 TEXT NOT NULL, package TEXT NOT NULL, stanzas TEXT NOT NULL, at INTEGER NOT NULL,
     PRIMARY KEY (index_sha256, package)
   ) WITHOUT ROWID;
   CREATE TABLE index_membership (
     uri TEXT NOT NULL, suite TEXT NOT NULL, signer TEXT NOT NULL,
     package TEXT NOT NULL, version TEXT NOT NULL, arch TEXT NOT NULL, archive TEXT NOT NULL,
     links TEXT NOT NULL, filename TEXT NOT NULL, size INTEGER NOT NULL,
     PRIMARY KEY (package, version, arch, uri, suite, signer, archive)
   ) WITHOUT ROWID;
   CREATE TABLE deb_manifest (
     archive TEXT PRIMARY KEY, state TEXT NOT NULL, says TEXT NOT NULL, evidence TEXT, at INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE package_proof (
     id INTEGER PRIMARY KEY, config TEXT NOT NULL, package TEXT NOT NULL, version TEXT NOT NULL, arch TEXT NOT NULL,
     state TEXT NOT NULL, says TEXT NOT NULL, wanted TEXT NOT NULL, builds TEXT NOT NULL,
     priority INTEGER NOT NULL, attempts INTEGER NOT NULL, due_at INTEGER, settled_at INTEGER,
     UNIQUE (config, package, version, arch)
   );
   CREATE INDEX package_proof_due ON package_proof (priority DESC, id) WHERE due_at IS NOT NULL;`,
];

/** Rows kept of refused releases: the newest, over all archives. */
const maxRefusals = 1000;
const lookupAgeMs = 30 * 24 * 60 * 60_000;

export function openManifests(database: Database): ManifestStore {
  return { ...wantedPackages(database), ...archives(database), ...indices(database), ...manifests(database) };
}

interface ProofRow {
  readonly id: number;
  readonly config: Sha256;
  readonly package: string;
  readonly version: string;
  readonly arch: string;
  readonly state: PackageState["state"];
  readonly says: string;
  readonly wanted: string;
  readonly builds: string;
  readonly priority: number;
  readonly attempts: number;
}

type WantedPart = Pick<
  ManifestStore,
  "configure" | "sources" | "want" | "due" | "nextDueAt" | "settle" | "state" | "counts" | "pendingNames"
>;

function wantedPackages(database: Database): WantedPart {
  const configure = database.prepare("INSERT OR IGNORE INTO apt_config (config, sources) VALUES (?, ?)");
  const sources = database.prepare<[string], { readonly sources: string }>(
    "SELECT sources FROM apt_config WHERE config = ?",
  );
  const want = database.prepare(
    `INSERT INTO package_proof (config, package, version, arch, state, says, wanted, builds, priority, attempts, due_at)
     VALUES (?, ?, ?, ?, 'pending', '', '', '[]', ?, 0, ?)
     ON CONFLICT (config, package, version, arch) DO UPDATE SET priority = excluded.priority`,
  );
  const due = database.prepare<[number, number], ProofRow>(
    "SELECT * FROM package_proof WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY priority DESC, id LIMIT ?",
  );
  const next = database.prepare<[], { readonly at: number | null }>(
    "SELECT min(due_at) AS at FROM package_proof WHERE due_at IS NOT NULL",
  );
  const settle = database.prepare(
    `UPDATE package_proof SET state = ?, says = ?, wanted = ?, builds = ?, attempts = ?, due_at = ?, settled_at = ? WHERE id = ?`,
  );
  const one = database.prepare<[string, string, string, string], ProofRow>(
    "SELECT * FROM package_proof WHERE config = ? AND package = ? AND version = ? AND arch = ?",
  );
  const counts = database.prepare<[string], { readonly state: string; readonly n: number }>(
    "SELECT state, count(*) AS n FROM package_proof WHERE config = ? GROUP BY state",
  );
  const names = database.prepare<[string], { readonly package: string }>(
    "SELECT DISTINCT package FROM package_proof WHERE config = ? AND due_at IS NOT NULL",
  );
  const wantAll = database.transaction((config: Sha256, packages: readonly WantedPackage[], now: Instant) => {
    for (const { name, version, arch, priority } of packages) want.run(config, name, version, arch, priority, now);
  });
  return {
    configure: (config, list) => void configure.run(config, JSON.stringify(list)),
    sources: (config) => {
      const row = sources.get(config);
      return row === undefined ? [] : (JSON.parse(row.sources) as readonly AptSource[]);
    },
    want: (config, packages, now) => {
      wantAll(config, packages, now);
    },
    due: (now, limit) => due.all(now, limit).map(stateOf),
    nextDueAt: () => (next.get()?.at ?? undefined) as Instant | undefined,
    settle: (id, settled, now) => {
      const { state, says, wanted, builds, attempts, dueAt } = settled;
      settle.run(state, says, wanted, JSON.stringify(builds), attempts, dueAt ?? null, now, id);
    },
    state: (config, { name, version, arch }) => {
      const row = one.get(config, name, version, arch);
      return row === undefined ? undefined : stateOf(row);
    },
    counts: (config) => countsOf(counts.all(config)),
    pendingNames: (config) => names.all(config).map((row) => row.package),
  };
}

function stateOf(row: ProofRow): PackageState {
  const builds = JSON.parse(row.builds) as PackageState["builds"];
  const { id, config, version, arch, state, says, wanted, priority, attempts } = row;
  return { id, config, name: row.package, version, arch, state, says, wanted, priority, attempts, builds };
}

function countsOf(rows: readonly { readonly state: string; readonly n: number }[]): ProofCounts {
  const of = (...states: readonly string[]): number =>
    rows.reduce((sum, row) => sum + (states.includes(row.state) ? row.n : 0), 0);
  return {
    wanted: rows.reduce((sum, row) => sum + row.n, 0),
    derived: of("derived"),
    lapsed: of("lapsed"),
    unsupported: of("unsupported"),
    failed: of("failed", "unreachable", "stale"),
    pending: of("pending"),
  };
}

function archives(database: Database): Pick<ManifestStore, "archive" | "recordArchive" | "refusals"> {
  const select = database.prepare<[string], { readonly record: string; readonly newest_seen: number | null }>(
    "SELECT record, newest_seen FROM apt_archive WHERE trust_key = ?",
  );
  const upsert = database.prepare(
    `INSERT INTO apt_archive (trust_key, record, newest_seen, checked_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (trust_key) DO UPDATE SET record = excluded.record, checked_at = excluded.checked_at,
       newest_seen = max(coalesce(newest_seen, 0), coalesce(excluded.newest_seen, 0))`,
  );
  const refuse = database.prepare("INSERT INTO apt_refusal (trust_key, at, reason, says) VALUES (?, ?, ?, ?)");
  const forget = database.prepare(
    `DELETE FROM apt_refusal WHERE id <= (SELECT max(id) FROM apt_refusal) - ${maxRefusals}`,
  );
  const refusals = database.prepare<[string], { readonly at: Instant; readonly reason: string; readonly says: string }>(
    "SELECT at, reason, says FROM apt_refusal WHERE trust_key = ? ORDER BY id",
  );
  return {
    archive: (trustKey) => {
      const row = select.get(trustKey);
      if (row === undefined) return undefined;
      const newestSeen = row.newest_seen === null || row.newest_seen === 0 ? undefined : (row.newest_seen as Instant);
      return { record: JSON.parse(row.record) as ArchiveRecord, newestSeen };
    },
    recordArchive: (trustKey, record, now) => {
      upsert.run(
        trustKey,
        JSON.stringify(record),
        record.state === "verified" ? (record.releaseDate ?? null) : null,
        now,
      );
      if (record.state !== "refused") return;
      refuse.run(trustKey, now, record.reason ?? "refused", record.says);
      forget.run();
    },
    refusals: (trustKey) => refusals.all(trustKey),
  };
}

interface MembershipRow {
  readonly uri: string;
  readonly suite: string;
  readonly signer: string;
  readonly archive: Sha256;
  readonly links: string;
  readonly filename: string;
  readonly size: number;
}

function indices(
  database: Database,
): Pick<ManifestStore, "lookedUp" | "recordLookups" | "memberships" | "recordMembership"> {
  const lookedUp = database.prepare<[string, string], { readonly stanzas: string }>(
    "SELECT stanzas FROM index_lookup WHERE index_sha256 = ? AND package = ?",
  );
  const record = database.prepare(
    "INSERT OR REPLACE INTO index_lookup (index_sha256, package, stanzas, at) VALUES (?, ?, ?, ?)",
  );
  const age = database.prepare("DELETE FROM index_lookup WHERE at < ?");
  const members = database.prepare<[string, string, string], MembershipRow>(
    "SELECT uri, suite, signer, archive, links, filename, size FROM index_membership WHERE package = ? AND version = ? AND arch = ?",
  );
  const join = database.prepare(
    `INSERT OR IGNORE INTO index_membership (uri, suite, signer, package, version, arch, archive, links, filename, size)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const recordAll = database.transaction(
    (index: Sha256, found: ReadonlyMap<string, readonly string[]>, now: Instant) => {
      for (const [name, stanzas] of found) record.run(index, name, JSON.stringify(stanzas), now);
      age.run(now - lookupAgeMs);
    },
  );
  return {
    lookedUp: (index, name) => {
      const row = lookedUp.get(index, name);
      return row === undefined ? undefined : (JSON.parse(row.stanzas) as readonly string[]);
    },
    recordLookups: (index, found, now) => {
      recordAll(index, found, now);
    },
    memberships: ({ name, version, arch }) =>
      members.all(name, version, arch).map((row) => ({ ...row, links: JSON.parse(row.links) as readonly ChainLink[] })),
    recordMembership: ({ name, version, arch }, { uri, suite, signer, archive, links, filename, size }) =>
      void join.run(uri, suite, signer, name, version, arch, archive, JSON.stringify(links), filename, size),
  };
}

function manifests(database: Database): Pick<ManifestStore, "manifest" | "recordManifest"> {
  const select = database.prepare<
    [string],
    { readonly state: DerivedManifest["state"]; readonly says: string; readonly evidence: string | null }
  >("SELECT state, says, evidence FROM deb_manifest WHERE archive = ?");
  const insert = database.prepare(
    "INSERT OR REPLACE INTO deb_manifest (archive, state, says, evidence, at) VALUES (?, ?, ?, ?, ?)",
  );
  return {
    manifest: (archive) => {
      const row = select.get(archive);
      if (row === undefined) return undefined;
      if (row.state !== "derived") return { state: row.state, says: row.says };
      return { state: "derived", says: row.says, evidence: JSON.parse(row.evidence ?? "null") as EvidenceRef };
    },
    recordManifest: (archive, manifest, now) => {
      const evidence = manifest.state === "derived" ? JSON.stringify(manifest.evidence) : null;
      insert.run(archive, manifest.state, manifest.says, evidence, now);
    },
  };
}
