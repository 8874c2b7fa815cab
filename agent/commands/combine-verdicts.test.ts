import { expect, test } from "vitest";
import type { Verdict } from "@provost/shared/model/verdict.ts";
import { combineVerdicts } from "./combine-verdicts.ts";

const of = (standing: string, basis: string): Verdict =>
  ({
    standing,
    basis,
    says: `${standing} ${basis}`,
    wanted: "",
    chain: standing === "refuted" ? [{ link: "signature", state: "failed", says: basis }] : [],
  }) as unknown as Verdict;

test.each<readonly [string, readonly [string, string], readonly [string, string], boolean, string, boolean]>([
  ["the stronger stands", ["unproven", "recorded"], ["proven", "source"], false, "proven source", false],
  [
    "the archive's word stands where documents say less",
    ["signed", "publisher"],
    ["unproven", "claimed"],
    false,
    "signed publisher",
    false,
  ],
  [
    "what an archive contradicts stays refuted",
    ["refuted", "contradicted"],
    ["proven", "source"],
    false,
    "refuted contradicted",
    false,
  ],
  [
    "what a document contradicts stays refuted",
    ["signed", "publisher"],
    ["refuted", "revoked"],
    false,
    "refuted revoked",
    false,
  ],
  [
    "a forged document beside a proof is shown and does not undo it",
    ["signed", "publisher"],
    ["refuted", "forged"],
    false,
    "signed publisher",
    true,
  ],
  [
    "a forged document beside no proof refutes",
    ["unproven", "recorded"],
    ["refuted", "forged"],
    false,
    "refuted forged",
    false,
  ],
  [
    "a document that cannot be checked says more than nothing",
    ["unproven", "none"],
    ["unchecked", "stale-trust"],
    false,
    "unchecked stale-trust",
    false,
  ],
  [
    "a record that agrees says more than a document that cannot be checked",
    ["unproven", "recorded"],
    ["unchecked", "stale-trust"],
    false,
    "unproven recorded",
    false,
  ],
  [
    "an archive's signature is no answer to an expected source",
    ["signed", "publisher"],
    ["unproven", "none"],
    true,
    "unproven none",
    false,
  ],
  [
    "an expected signer that forged is refuted whatever the archive says",
    ["signed", "publisher"],
    ["refuted", "forged"],
    true,
    "refuted forged",
    false,
  ],
  ["expected and proven", ["unproven", "none"], ["proven", "source"], true, "proven source", false],
  [
    "expected, proven, and contradicted by the archive",
    ["refuted", "contradicted"],
    ["proven", "source"],
    true,
    "refuted contradicted",
    false,
  ],
])("%s", (_name, installed, documents, expected, says, shown) => {
  const verdict = combineVerdicts(of(...installed), of(...documents), expected);
  expect(verdict.says).toBe(says);
  expect(verdict.standing !== "refuted" && verdict.chain.some(({ state }) => state === "failed")).toBe(shown);
});

test("without the judge of this device the documents speak alone", () => {
  expect(combineVerdicts(undefined, of("unproven", "none"), false)).toMatchObject({ basis: "none" });
});
