import type { FileFacts } from "@provost/shared/model/inventory.ts";
import { archiveSubject } from "@provost/shared/provenance/archive-subject.ts";
import type { Database as Db } from "better-sqlite3";

/** Which archives a file stands in, as its device says. */
export function openFileArchives(db: Db): (n: number, facts: FileFacts) => void {
  const forget = db.prepare("DELETE FROM file_archives WHERE file = ?");
  const know = db.prepare("INSERT OR IGNORE INTO archive_subjects (key, sha256, sha512, purl) VALUES (?, ?, ?, ?)");
  const note = db.prepare("INSERT OR IGNORE INTO file_archives (key, file) VALUES (?, ?)");
  return (n, facts) => {
    forget.run(n);
    for (const record of facts.records) {
      const archive = archiveSubject(record);
      if (archive === undefined) continue;
      know.run(archive.key, archive.sha256, archive.sha512 ?? null, archive.purl ?? null);
      note.run(archive.key, n);
    }
  };
}
