import { requireSigner } from "../criteria.ts";
import type { Question } from "../format.ts";
import { statementIn, type Statement } from "../intoto/statement.ts";
import { settleTogether } from "../keys/signature-check.ts";
import { subjectIn } from "../subject-match.ts";
import type { Trust } from "../trust.ts";
import type { Bundle } from "./bundle.ts";
import { readSignature, type SignedContent } from "./read-signature.ts";

/**
 * That a bundle's signature holds, is about this file, and is by an expected signer: all that the field's `verify-bundle` commands
 * ask. What its statement then means for the file is for `claimOf`. Throws a Refusal.
 */
export async function checkBundle(
  bundle: Bundle,
  { subject, criteria, trust, now }: Question<Trust>,
): Promise<{ readonly signed: Omit<SignedContent, "checks">; readonly statement?: Statement }> {
  // Whose file it is comes first: a broken bundle for another file is nothing to this one.
  const statement = bundle.content.kind === "envelope" ? statementIn(bundle.content.envelope) : undefined;
  if (statement !== undefined) subjectIn(statement, subject);
  const { checks, ...signed } = readSignature(bundle, subject, trust, now);
  await settleTogether(checks);
  requireSigner(criteria, signed.signer);
  return { signed, ...(statement === undefined ? {} : { statement }) };
}
