import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { openEvidence } from "../../server/store/sqlite/evidence.ts";
import { openLibrary } from "../../server/store/sqlite/library.ts";
import { openDatabase, type Db } from "../../server/store/sqlite/open.ts";
import type { SubjectDigest } from "../../shared/provenance/said.ts";
import type { Options, Result } from "./result.ts";
import { below, median, round } from "./result.ts";

const defaultDocuments = 10_000_000;
const questions = 20_000;
const goalMicroseconds = 50;

/**
 * The library's index over synthetic documents: one subject each, in the tables and with the settings of the server. Digests are laid
 * down in order, because that is what can be built in a minute; a question goes to a random place of every tree all the same. The
 * documents' bytes and names lie in other trees, which a question by digest does not touch, and are left out.
 */
export async function run({ say, size = defaultDocuments }: Options): Promise<Result> {
  const home = join(import.meta.dirname, "../../.provost");
  mkdirSync(home, { recursive: true });
  const folder = mkdtempSync(join(home, "bench-library-"));
  try {
    const db = openDatabase(folder);
    const started = performance.now();
    build(db, size, say);
    const buildSeconds = (performance.now() - started) / 1000;
    db.close();
    const fresh = openDatabase(folder);
    const library = openLibrary(fresh, openEvidence(fresh));
    const bySubject = (digest: SubjectDigest): readonly string[] => library.bySubject(digest);
    const first = ask(bySubject, size, 1, 200);
    const cpu = process.cpuUsage();
    const known = ask(bySubject, size, 1, questions);
    const used = process.cpuUsage(cpu);
    const unknown = ask(bySubject, size, 0, questions);
    const documents = library.count();
    fresh.close();
    return {
      name: "library",
      figures: {
        documents,
        "building, s": round(buildSeconds),
        "on disk, MB": round(statSync(join(folder, "server.sqlite")).size / 1e6),
        questions,
        "first 200 questions after opening, median, us": round(median(first), 1),
        "first 200 questions after opening, slowest, us": round(Math.max(...first), 1),
        "known digest, median, us": round(median(known), 1),
        "known digest, 99th percentile, us": round(percentile(known, 0.99), 1),
        "known digest, slowest, us": round(Math.max(...known), 1),
        // Whatever else runs on the machine is in the times above, and hardly in this.
        "known digest, processor time for each with the asking, us": round((used.user + used.system) / questions, 1),
        "unknown digest, median, us": round(median(unknown), 1),
        "unknown digest, 99th percentile, us": round(percentile(unknown, 0.99), 1),
      },
      goals: [
        below(
          `a digest answered from the index of ${documents} documents, median`,
          goalMicroseconds,
          median(known),
          "us",
        ),
        below(
          `a digest answered from the index of ${documents} documents, 99th percentile`,
          goalMicroseconds,
          percentile(known, 0.99),
          "us",
        ),
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const step = 500_000;

/** In SQL alone: a loop over ten million rows from outside takes several times as long. */
function build(db: Db, documents: number, say: (line: string) => void): void {
  const stride = Math.floor(2 ** 52 / documents);
  const series = `WITH RECURSIVE series(i) AS (SELECT CAST(? AS INTEGER) UNION ALL SELECT i + 1 FROM series WHERE i < ?)`;
  const digest = (salt: number): string =>
    `unhex(printf('%013x%051x', i * ${stride}, (i * 2654435761 + ${salt}) % 4503599627370449))`;
  const insertDocument = db.prepare(
    `${series} INSERT INTO library_documents (n, sha256, kind, media_type, source, added_at, size)
     SELECT i, ${digest(1)}, 'sigstore-bundle', 'application/json', 'token ci', 1700000000000 + i, 8000 FROM series`,
  );
  // The document of a digest lies anywhere: a prime step visits every number once.
  const insertDigest = db.prepare(
    `${series} INSERT INTO library_digests (digest, document) SELECT ${digest(2)}, 1 + (i * 7368787) % ${documents} FROM series`,
  );
  for (const insert of [insertDocument, insertDigest])
    for (let from = 1; from <= documents; from += step) {
      const to = Math.min(from + step - 1, documents);
      db.transaction(() => insert.run(from, to)).immediate();
      if (to % 2_500_000 === 0) say(`${insert === insertDocument ? "documents" : "digests"}: ${to}`);
    }
  db.pragma("wal_checkpoint(TRUNCATE)");
}

/** Microseconds for each question. `salt` 1 asks what is there, 0 what is not. */
function ask(
  bySubject: (digest: SubjectDigest) => readonly string[],
  documents: number,
  salt: 0 | 1,
  count: number,
): readonly number[] {
  const took: number[] = [];
  for (let at = 0; at < count; at += 1) {
    const subject = digestOf(1 + Math.floor(Math.random() * documents), documents, salt === 1 ? 2 : 3);
    const started = performance.now();
    const found = bySubject(subject);
    took.push((performance.now() - started) * 1000);
    if (found.length !== salt) throw new Error(`${subject.hex} gave ${found.length} documents instead of ${salt}`);
  }
  return took;
}

function digestOf(i: number, documents: number, salt: number): SubjectDigest {
  const stride = Math.floor(2 ** 52 / documents);
  const rest = (BigInt(i) * 2654435761n + BigInt(salt)) % 4503599627370449n;
  const hex = (i * stride).toString(16).padStart(13, "0") + rest.toString(16).padStart(51, "0");
  return { algorithm: "sha256", hex };
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
