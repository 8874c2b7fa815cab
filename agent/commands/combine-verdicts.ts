import type { ChainLink, Verdict } from "@provost/shared/model/verdict.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";

/**
 * What is said of a file that two judges looked at: the one with this device's records and archives, and the one with documents.
 * Evidence against it outranks everything, except that a forged document does not undo what holds, because anyone can add one. Where
 * the asker expects a signer or a source, only documents can meet that.
 */
export function combineVerdicts(installed: Verdict | undefined, documents: Verdict, expected: boolean): Verdict {
  if (installed === undefined) return documents;
  const [first, second] = [installed, documents].sort((a, b) => weight(b, expected) - weight(a, expected));
  if (first === undefined || second === undefined) return documents;
  const against = second.chain.filter(({ state }) => state === "failed");
  if (expected && first === installed && first.standing !== "refuted") return withLinks(documents, failed(installed));
  return withLinks(first, against);
}

const failed = ({ chain }: Verdict): readonly ChainLink[] => chain.filter(({ state }) => state === "failed");

const withLinks = (verdict: Verdict, links: readonly ChainLink[]): Verdict =>
  links.length === 0 ? verdict : { ...verdict, chain: [...verdict.chain, ...links] };

function weight(verdict: Verdict, expected: boolean): number {
  switch (verdict.standing) {
    case "refuted":
      return verdict.basis === "forged" && !expected ? 5 : 9;
    case "proven":
      return 8;
    case "signed":
      return 7;
    case "unproven":
      // A document that cannot be checked says more than that there is nothing.
      return verdict.basis === "none" ? 1 : verdict.basis === "claimed" ? 2 : 4;
    case "unchecked":
      return 3;
    default:
      return unreachable(verdict);
  }
}
