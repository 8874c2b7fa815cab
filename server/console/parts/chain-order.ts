import { linkKinds, type ChainLink, type LinkKind } from "@provost/shared/model/verdict.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";

export type Link = Answer<"executable">["chain"][number];
export type LinkState = ChainLink["state"];

/** Source first, process last, whatever order they came in; links of one kind keep theirs. */
export const inReadingOrder = (chain: readonly Link[]): readonly Link[] =>
  chain.toSorted((a, b) => linkKinds.indexOf(a.link) - linkKinds.indexOf(b.link));

/**
 * The one link to look at: the first that evidence contradicts, else the missing one nearest to the file. A chain that ends
 * at a signature lacks its source; a file that nothing claims lacks much more, and the package is where to begin.
 */
export const firstBreak = (chain: readonly Link[]): Link | undefined => {
  const ordered = inReadingOrder(chain);
  const missing = ordered.filter(({ state }) => state === "missing");
  return (
    ordered.find(({ state }) => state === "failed") ?? missing.findLast(({ link }) => link !== "file") ?? missing.at(-1)
  );
};

/** One entry for each kind of link: its worst state, or none where the chain does not speak of it. */
export function overviewOf(chain: readonly Link[]): readonly { readonly kind: LinkKind; readonly state?: LinkState }[] {
  return linkKinds.map((kind) => {
    const states = chain.filter(({ link }) => link === kind).map(({ state }) => state);
    const state = worstFirst.find((each) => states.includes(each));
    return state === undefined ? { kind } : { kind, state };
  });
}

const worstFirst: readonly LinkState[] = ["failed", "missing", "recorded", "verified"];
