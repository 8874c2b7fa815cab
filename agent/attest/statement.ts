import { AppError } from "@provost/shared/lib/app-error.ts";
import { maxSubjects } from "@provost/shared/provenance/intoto/statement.ts";
import type { Named } from "./artefact.ts";
import type { Predicate } from "./build-provenance.ts";

/** An in-toto statement v1: this predicate about these files, each by its digests. */
export function statementBytes(subjects: readonly Named[], { type, body }: Omit<Predicate, "from">): Buffer {
  if (subjects.length > maxSubjects)
    throw new AppError("LIMIT", `a statement about ${subjects.length} files: no more than ${maxSubjects} are read`, {
      remedy: "attest fewer at a time, or leave --contents out",
    });
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: subjects.map(({ name, sha256, sha512 }) => ({
      name,
      digest: { sha256, ...(sha512 === undefined ? {} : { sha512 }) },
    })),
    predicateType: type,
    predicate: body,
  };
  return Buffer.from(JSON.stringify(statement));
}
