import { hash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fullUsrMerge, mergedPath } from "@provost/shared/ecosystems/deb/usr-merge.ts";
import { instant } from "@provost/shared/model/ids.ts";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { evidenceMigrations, openEvidence } from "../../server/store/sqlite/evidence.ts";
import { manifestMigrations, openManifests } from "../../server/store/sqlite/manifests.ts";
import { deriveManifests } from "../../server/trust/derive.ts";
import { openFetch } from "../../server/trust/fetch.ts";
import { openIndexCache } from "../../server/trust/index-cache.ts";
import { openLocalArchives } from "../../server/trust/local-archives.ts";
import { aptSources, installedPackages } from "../support/debian-machine.ts";

const sources = existsSync("/var/lib/dpkg/status") ? aptSources().filter(({ uri }) => uri.includes("debian.org")) : [];
const reachable = await canReach();
if (!reachable)
  process.stdout.write("SKIPPED the real Debian archive: none is configured here or it cannot be reached\n");

test.skipIf(!reachable)("the archive's manifest of coreutils equals the files that are installed here", async () => {
  const folder = mkdtempSync(join(tmpdir(), "provost-real-"));
  const database = new Database(":memory:");
  const fetch = openFetch();
  try {
    for (const sql of [...evidenceMigrations, ...manifestMigrations]) database.exec(sql);
    const derivation = deriveManifests({
      store: openManifests(database),
      evidence: openEvidence(database),
      fetch,
      indexCache: openIndexCache(folder, fetch),
      localArchives: openLocalArchives([]),
      now: () => instant(Date.now()),
      random: Math.random,
    });
    const installed = installedPackages().filter(({ name }) => name === "coreutils" || name === "bash");
    const config = derivation.want(sources, installed);
    await derivation.run(AbortSignal.timeout(150_000));
    const states = installed.map((wanted) => ({ wanted, proof: derivation.proof(config, wanted) }));
    const derived = states.flatMap(({ wanted, proof }) => (proof?.state === "derived" ? [{ wanted, proof }] : []));
    for (const { wanted, proof } of states) {
      process.stdout.write(`${wanted.name} ${wanted.version}: ${proof?.state ?? "pending"}: ${proof?.says ?? ""}\n`);
      // A machine may hold versions that the archive has forgotten; anything else would be our fault.
      expect(["derived", "lapsed"]).toContain(proof?.state);
    }
    for (const { proof } of derived) {
      expect(proof.links.map(({ link }) => link)).toEqual(["signature", "index", "archive", "package"]);
      const programs = proof.files.filter(({ path }) => path.includes("/bin/"));
      expect(programs.length).toBeGreaterThan(0);
      for (const { path, sha256 } of programs) {
        const here = mergedPath(path, fullUsrMerge);
        expect(`${here} ${hash("sha256", readFileSync(here))}`).toBe(`${here} ${sha256}`);
      }
    }
  } finally {
    fetch.close();
    database.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

async function canReach(): Promise<boolean> {
  const [first] = sources;
  if (first === undefined) return false;
  try {
    const url = `${first.uri.replace(/\/$/, "")}/dists/${first.suite}/InRelease`;
    return (await globalThis.fetch(url, { method: "HEAD", signal: AbortSignal.timeout(5000) })).ok;
  } catch {
    return false;
  }
}
