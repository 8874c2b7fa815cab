import type { Basis, Standing } from "@provost/shared/model/verdict.ts";

/** The words of PROVENANCE.md as a person reads them. Never "safe". */
export const standingWords: Readonly<Record<Standing, { readonly word: string; readonly means: string }>> = {
  proven: {
    word: "Proven",
    means: "Signed provenance leads back to a source commit, or an independent rebuild gives the same bytes.",
  },
  signed: { word: "Signed", means: "A signed archive or the publisher's own signature covers these bytes." },
  unproven: { word: "Unproven", means: "Nobody has signed these bytes." },
  refuted: { word: "Refuted", means: "Evidence contradicts these bytes." },
  unchecked: { word: "Unchecked", means: "It could not be checked. That is neither proof nor guilt." },
};

export const basisWords: Readonly<Record<Basis, { readonly word: string; readonly means: string }>> = {
  reproduced: { word: "reproduced", means: "an independent signed rebuild gives the same bytes" },
  source: { word: "source", means: "signed provenance names the repository and commit" },
  publisher: { word: "publisher", means: "a signed archive or the publisher's own signature covers these bytes" },
  pinned: { word: "pinned", means: "a lockfile or first-use digest agrees, and nobody signed" },
  recorded: { word: "recorded", means: "only an unsigned local database agrees" },
  generated: { word: "generated", means: "made on this device by a named parent" },
  claimed: { word: "claimed", means: "only the file speaks for itself" },
  none: { word: "no claim", means: "nothing claims it" },
  contradicted: { word: "contradicted", means: "differs from signed evidence for that path and version" },
  forged: { word: "forged", means: "a signature does not verify under current trust" },
  downgraded: { word: "downgraded", means: "weaker than its own history or expectation" },
  revoked: { word: "revoked", means: "evidence or signer was withdrawn" },
  malicious: { word: "malicious", means: "threat intelligence names it" },
  lapsed: { word: "lapsed", means: "once in a signed index, no longer listed, not captured then" },
  "stale-trust": { word: "stale trust", means: "the trust material is too old to judge with" },
  "no-time-proof": { word: "no time proof", means: "nothing proves when it was signed" },
  unsupported: { word: "unsupported", means: "a format that cannot be read yet" },
  unreachable: { word: "unreachable", means: "the evidence could not be fetched" },
  deadline: { word: "deadline", means: "the check took too long and goes on" },
  unreadable: { word: "unreadable", means: "the file could not be read" },
};

/** From what is best known to what needs a person: the order of bars. */
export const barOrder: readonly Standing[] = ["proven", "signed", "unchecked", "unproven", "refuted"];
/** The order in which a person should look: filters and legends. */
export const attentionOrder: readonly Standing[] = ["refuted", "unproven", "unchecked", "signed", "proven"];
