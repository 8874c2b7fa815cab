import { createWriteStream, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { instant } from "@provost/shared/model/ids.ts";
import Database from "better-sqlite3";
import { evidenceMigrations, openEvidence } from "../../server/store/sqlite/evidence.ts";
import { manifestMigrations, openManifests } from "../../server/store/sqlite/manifests.ts";
import { deriveManifests } from "../../server/trust/derive.ts";
import { type Fetch, openFetch } from "../../server/trust/fetch.ts";
import { openIndexCache } from "../../server/trust/index-cache.ts";
import { openLocalArchives } from "../../server/trust/local-archives.ts";
import { aptSources, installedPackages } from "../support/debian-machine.ts";
import type { Result } from "./result.ts";
import { atMost, round } from "./result.ts";

const wantedPackages = 650;
const wantedSeconds = 45;
const parallelism = 3;

/**
 * Derives the manifests of every package installed here that a signed index lists. The packages are brought to this disk
 * first; then an empty server does the whole: signatures, indices, 600 packages unpacked and hashed, manifests stored.
 */
export async function run(): Promise<Result> {
  const folder = join(import.meta.dirname, "../../.provost");
  const debs = join(folder, "bench-debs");
  mkdirSync(debs, { recursive: true });
  const fetch = openFetch();
  try {
    await pass(folder, debs, keeping(fetch, debs));
    return report(await pass(folder, debs, fetch));
  } finally {
    fetch.close();
  }
}

/** The first pass keeps every .deb it had to fetch, so that the second finds all of them local. */
function keeping(fetch: Fetch, debs: string): Fetch {
  return {
    get: async (request) => {
      if (!request.url.pathname.endsWith(".deb")) return fetch.get(request);
      const path = join(debs, decodeURIComponent(basename(request.url.pathname)));
      const file = createWriteStream(`${path}.part`);
      const delivery = await fetch.get({
        ...request,
        open: () => {
          const receive = request.open();
          return async (chunk) => {
            file.write(chunk);
            await receive(chunk);
          };
        },
      });
      await new Promise<void>((resolve) => {
        file.end(resolve);
      });
      if (delivery.kind === "delivered") renameSync(`${path}.part`, path);
      return delivery;
    },
  };
}

interface Pass {
  readonly seconds: number;
  readonly packages: number;
  readonly lapsed: number;
  readonly others: number;
  readonly files: number;
  readonly fileBytes: number;
  readonly debBytes: number;
  readonly storedBytes: number;
  readonly ownCpuSeconds: number;
  readonly rssBytes: number;
}

async function pass(folder: string, debs: string, fetch: Fetch): Promise<Pass> {
  const state = mkdtempSync(join(folder, "bench-manifests-"));
  const database = new Database(join(state, "server.db"));
  try {
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    for (const sql of [...evidenceMigrations, ...manifestMigrations]) database.exec(sql);
    const parts = {
      store: openManifests(database),
      evidence: openEvidence(database),
      fetch,
      indexCache: openIndexCache(join(folder, "bench-indices"), fetch),
      localArchives: openLocalArchives([debs]),
      now: () => instant(Date.now()),
      random: Math.random,
    };
    const derivation = deriveManifests(parts, { parallelism });
    const rss = watchRss();
    const cpu = process.cpuUsage();
    const started = performance.now();
    const packages = installedPackages();
    const config = derivation.want(aptSources(), packages);
    await derivation.run(new AbortController().signal);
    const seconds = (performance.now() - started) / 1000;
    const used = process.cpuUsage(cpu);
    const counts = derivation.counts(config);
    const proofs = packages.flatMap((wanted) => {
      const proof = derivation.proof(config, wanted);
      return proof?.state === "derived" ? [proof] : [];
    });
    database.pragma("wal_checkpoint(TRUNCATE)");
    return {
      seconds,
      packages: counts.derived,
      lapsed: counts.lapsed,
      others: counts.failed + counts.unsupported + counts.pending,
      files: proofs.reduce((sum, { files }) => sum + files.length, 0),
      fileBytes: proofs.reduce((sum, { files }) => sum + files.reduce((total, { size }) => total + size, 0), 0),
      debBytes: readdirSync(debs).reduce((sum, name) => sum + statSync(join(debs, name)).size, 0),
      storedBytes: statSync(join(state, "server.db")).size,
      ownCpuSeconds: (used.user + used.system) / 1e6,
      rssBytes: rss(),
    };
  } finally {
    database.close();
    rmSync(state, { recursive: true, force: true });
  }
}

/** The largest resident size seen, sampled: maxRSS of the process would include the first pass. */
function watchRss(): () => number {
  let largest = process.memoryUsage.rss();
  const timer = setInterval(() => (largest = Math.max(largest, process.memoryUsage.rss())), 100);
  return () => {
    clearInterval(timer);
    return largest;
  };
}

function report(pass: Pass): Result {
  const scaled = (pass.seconds / Math.max(1, pass.packages)) * wantedPackages;
  const mb = 1e6;
  return {
    name: "manifests",
    figures: {
      packages: pass.packages,
      lapsed: pass.lapsed,
      "not derived for another reason": pass.others,
      seconds: round(pass.seconds),
      [`seconds, scaled linearly to ${wantedPackages} packages`]: round(scaled),
      "files with SHA-256": pass.files,
      "MB in the packages": round(pass.debBytes / mb),
      "MB unpacked": round(pass.fileBytes / mb),
      "MB unpacked per second": round(pass.fileBytes / mb / pass.seconds),
      "CPU seconds of the server process (without xz)": round(pass.ownCpuSeconds),
      "largest RSS, MB": round(pass.rssBytes / mb),
      "manifests and evidence on disk, MB": round(pass.storedBytes / mb),
      parallelism,
    },
    goals: [
      atMost(
        `Debian manifests of ${wantedPackages} packages (${pass.packages} measured, scaled linearly)`,
        wantedSeconds,
        pass.packages > 0 ? scaled : Number.NaN,
        "s",
      ),
    ],
  };
}
