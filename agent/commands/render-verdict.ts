import type { ChainLink, Standing, Verdict } from "@provost/shared/model/verdict.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { Tone } from "./terminal.ts";

export interface Line {
  readonly text: string;
  readonly tone: Tone;
}

/** Standing, basis, the sentence, then the chain: what failed or is missing first, for that is what a person can act on. */
export function verdictLines(title: string, verdict: Verdict): readonly Line[] {
  return [
    { text: title, tone: "head" },
    { text: `  ${verdict.standing}: ${verdict.basis}${level(verdict)}`, tone: toneOf(verdict.standing) },
    { text: `  ${verdict.says}`, tone: "plain" },
    ...(verdict.standing === "unchecked" ? [{ text: `  Wanted: ${verdict.wanted}`, tone: "plain" as const }] : []),
    ...weakestFirst(verdict.chain).flatMap(linkLines),
  ];
}

export const weakestFirst = (chain: readonly ChainLink[]): readonly ChainLink[] =>
  chain.toSorted((a, b) => order[a.state] - order[b.state]);

const order: Readonly<Record<ChainLink["state"], number>> = { failed: 0, missing: 1, recorded: 2, verified: 2 };

const level = (verdict: Verdict): string =>
  verdict.standing === "proven" && verdict.slsaLevel !== undefined ? ` (SLSA Build L${verdict.slsaLevel})` : "";

export function toneOf(standing: Standing): Tone {
  switch (standing) {
    case "proven":
    case "signed":
      return "good";
    case "unproven":
    case "unchecked":
      return "weak";
    case "refuted":
      return "bad";
    default:
      return unreachable(standing);
  }
}

const linkTone: Readonly<Record<ChainLink["state"], Tone>> = {
  failed: "bad",
  missing: "weak",
  recorded: "plain",
  verified: "good",
};

function linkLines(link: ChainLink): readonly Line[] {
  const facts = Object.entries(link.facts ?? {}).map(([name, value]) => `${name}: ${value}`);
  const evidence = (link.evidence ?? []).map((ref) => `evidence: ${ref.title} (sha256 ${ref.sha256})`);
  return [
    { text: `    ${link.state.padEnd(8)}  ${link.link.padEnd(9)}  ${link.says}`, tone: linkTone[link.state] },
    ...[...facts, ...evidence].map((text) => ({ text: `${" ".repeat(25)}${text}`, tone: "plain" as const })),
  ];
}
