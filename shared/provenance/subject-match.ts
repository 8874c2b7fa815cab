import type { Statement, StatementSubject } from "./intoto/statement.ts";
import { Refusal } from "./refusal.ts";
import type { Subject } from "./subject.ts";

/** The statement's subject that is this file: by digest, never by name. Throws foreign, or contradicted for its own package. */
export function subjectIn(statement: Statement, subject: Subject): StatementSubject {
  const found = statement.subjects.find((one) => isSame(one, subject));
  if (found !== undefined) return found;
  throw new Refusal("foreign", "the statement is about other files");
}

/** Every digest that both sides have is equal, and there is at least one. */
function isSame({ digest }: StatementSubject, subject: Subject): boolean {
  const pairs = [
    [digest["sha256"], subject.sha256],
    [digest["sha512"], subject.sha512],
  ].filter(([said, known]) => said !== undefined && known !== undefined);
  return pairs.length > 0 && pairs.every(([said, known]) => said === known);
}
