import { hash } from "node:crypto";
import type { Statement, StatementSubject } from "./intoto/statement.ts";
import { Refusal } from "./refusal.ts";
import type { Subject } from "./subject.ts";

/** The statement's subject that is this file: by digest, never by name. Throws foreign, or unreachable where no digest compares. */
export function subjectIn(statement: Statement, subject: Subject): StatementSubject {
  const known = digestsOf(subject);
  const found = statement.subjects.find((one) => isSame(one, known));
  if (found !== undefined) return found;
  const said = fileDigests.filter((name) => statement.subjects.some(({ digest }) => digest[name] !== undefined));
  if (said.length > 0 && said.every((name) => known(name) === undefined))
    throw new Refusal(
      "unreachable",
      `the statement names its files by ${said.join(" and ")}, which was not computed`,
      `the file's ${said.join(" or ")}`,
    );
  throw new Refusal("foreign", "the statement is about other files");
}

/** in-toto digest_set.md: those over a file's bytes. SHA-1 and MD5 prove nothing; gitCommit, dirHash and the like name other things. */
const fileDigests = ["sha256", "sha512", "sha384"] as const;
type FileDigest = (typeof fileDigests)[number];

/** Every digest that both sides have is equal, and there is at least one. */
function isSame({ digest }: StatementSubject, known: (name: FileDigest) => string | undefined): boolean {
  const said = fileDigests.filter((name) => digest[name] !== undefined && known(name) !== undefined);
  return said.length > 0 && said.every((name) => digest[name] === known(name));
}

/** Each computed at most once, however many subjects a statement has. */
function digestsOf({ sha256, sha512, bytes }: Subject): (name: FileDigest) => string | undefined {
  const known = new Map<FileDigest, string>([
    ["sha256", sha256],
    ...(sha512 === undefined ? [] : [["sha512", sha512] as const]),
  ]);
  return (name) => {
    const found = known.get(name) ?? (bytes === undefined ? undefined : hash(name, bytes, "hex"));
    if (found !== undefined) known.set(name, found);
    return found;
  };
}
